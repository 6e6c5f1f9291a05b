"""XML that is safe to look at, and short ways to its texts."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator
from typing import Any, Final

from django.utils.translation import gettext as _
from lxml import etree

from scheduling.importers.collecting import Collector
from scheduling.importers.parsed import MAX_NODES, NotASchedule
from scheduling.importers.reading import decode, line, shortened

_BLANK: Final = "\ufeff \t\r\n"
_DECLARATION: Final = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_PROLOG: Final = re.compile(r"\s*(?:<!--.*?-->|<\?.*?\?>)", re.DOTALL)
_DOCTYPE: Final = re.compile(r"\s*<!DOCTYPE\s+([A-Za-z_:][\w:.-]*)([^\[>]*)(.)", re.DOTALL | re.IGNORECASE)
#: What XML 1.0 has no way to hold, as it is or as a reference.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|(\d{1,10}));")
# What is never closed reaches to the end, so that a text of a million beginnings is read once.
_NOT_PARSED: Final = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))", re.DOTALL)
#: An ampersand that XML knows nothing of: alone, or of an entity of HTML.
_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);|#\d+;|#x[0-9a-fA-F]+;)(?:([A-Za-z][A-Za-z0-9]{1,31});)?")


def load(data: bytes, collector: Collector) -> Any:
    """The outermost element. Raises NotASchedule for damaged XML, web pages and everything that declares entities."""
    declared = _DECLARATION.search(data[:400])
    text = decode(data, declared=declared[1].decode("ascii") if declared else "", warn=collector.warn)
    if text.lstrip(_BLANK).startswith("<?xml"):
        # Nothing may stand before a declaration, and templates leave line breaks there.
        text = text.lstrip(_BLANK)
    _refuse_declarations(text)
    return _tree(_with_ampersands(_without_forbidden(text, collector), collector))


def _with_ampersands(text: str, collector: Collector) -> str:
    """`R & D` and `M&uuml;ller` are no XML, and yet exporters write them: they are what they look like."""
    parts = _NOT_PARSED.split(text) if _AMPERSAND.search(text) else [text]
    # Every second part is one in which an ampersand is an ampersand.
    mended = [part if number % 2 else _AMPERSAND.sub(_meant, part) for number, part in enumerate(parts)]
    found = next((number for number, part in enumerate(parts) if part != mended[number]), None)
    if found is None:
        return text
    before = "".join(parts[:found]) + parts[found][: _AMPERSAND.search(parts[found]).start()]  # type: ignore[union-attr]  # this part was mended
    collector.warn(
        _("line %(line)d") % {"line": before.count("\n") + 1},
        _("“&” stands in the file as XML may not have it; it was read as it looks."),
    )
    return "".join(mended)


def _meant(found: re.Match[str]) -> str:
    character = html.entities.html5.get(f"{found[1]};") if found[1] else None
    return character or f"&amp;{found[0][1:]}"


def _refuse_declarations(text: str) -> None:
    """Schedules need no document type, and entities are only good for bombs and for reading other people's files."""
    position = 0
    while found := _PROLOG.match(text, position):
        position = found.end()
    doctype = _DOCTYPE.match(text, position)
    if doctype is None:
        return
    if doctype[1].lower() == "html":
        raise NotASchedule(_("This is a web page, no schedule. Look for a link to its XML or JSON file."))
    if doctype[3] == "[":
        raise NotASchedule(_("This XML file declares entities, which a schedule may not."))


def _without_forbidden(text: str, collector: Collector) -> str:
    """XML with control characters is no XML, and yet exporters write it: they are taken out."""
    first = _FORBIDDEN.search(text)
    clean = _FORBIDDEN.sub("", text) if first else text
    clean = _REFERENCE.sub(_checked, clean)
    if first or len(clean) < len(text):
        where = _("line %(line)d") % {"line": text.count("\n", 0, first.start()) + 1} if first else _("file")
        collector.warn(where, _("The file has control characters, which were taken out."))
    return clean


def _checked(reference: re.Match[str]) -> str:
    point = int(reference[1], 16) if reference[1] else int(reference[2])
    return "" if point > 0x10FFFF or _FORBIDDEN.match(chr(point)) else reference[0]


def _tree(text: str) -> Any:
    if text.count("<") > 2 * MAX_NODES:
        raise NotASchedule(_("This XML file has too many elements for a schedule."))
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode("utf-8", errors="ignore"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if re.match(r"\s*(?:<!--.*?-->\s*)?<html\b", text[:2000], re.IGNORECASE | re.DOTALL):
            raise NotASchedule(_("This is a web page, no schedule. Look for a link to its XML or JSON file.")) from None
        number = getattr(error, "lineno", 0) or 0
        reason = shortened(line(getattr(error, "msg", "") or str(error)), 160)
        raise NotASchedule(
            _("This XML file breaks off or is damaged in line %(line)d: %(reason)s")
            % {"line": number, "reason": reason}
        ) from None
    if root is None:
        raise NotASchedule(_("This file is empty."))
    if root.getroottree().docinfo.internalDTD is not None and any(
        root.getroottree().docinfo.internalDTD.iterentities()
    ):
        raise NotASchedule(_("This XML file declares entities, which a schedule may not."))
    return root


def tag(element: Any) -> str:
    """The name of an element without its namespace; `""` for a comment."""
    name = element.tag
    return name.rpartition("}")[2].lower() if isinstance(name, str) else ""


def children(element: Any, name: str) -> Iterator[Any]:
    return (child for child in element if tag(child) == name)


def child(element: Any, name: str) -> Any | None:
    return next(children(element, name), None)


def text_in(element: Any | None, name: str = "") -> str:
    """The text of an element, or of its child; tags inside stay, for `to_markdown` to read."""
    if element is not None and name:
        element = child(element, name)
    if element is None:
        return ""
    if len(element) == 0:
        return element.text or ""
    return (element.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in element)


def attribute(element: Any, name: str) -> str:
    return element.get(name) or ""


def line_of(element: Any) -> str:
    return _("line %(line)d") % {"line": element.sourceline or 0}
