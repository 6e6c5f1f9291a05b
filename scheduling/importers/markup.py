"""HTML in texts of a programme, made into Markdown. What cannot be said in Markdown loses its tag and keeps its words."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Final

from scheduling.importers.reading import paragraphs, web_address

_BLOCKS: Final = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "header",
        "footer",
        "table",
        "tr",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "center",
        "address",
        "fieldset",
        "form",
        "main",
        "nav",
        "aside",
        "thead",
        "tbody",
        "tfoot",
        "caption",
        "hr",
    ]
)
_MARKS: Final = {
    "em": "*",
    "i": "*",
    "cite": "*",
    "strong": "**",
    "b": "**",
    "code": "`",
    "tt": "`",
    "kbd": "`",
    "samp": "`",
}
_HEADINGS: Final = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "##### ", "h6": "##### "}
_OTHERS: Final = frozenset(
    [
        "a",
        "br",
        "ul",
        "ol",
        "li",
        "pre",
        "blockquote",
        "span",
        "u",
        "s",
        "small",
        "big",
        "sub",
        "sup",
        "font",
        "img",
        "td",
        "th",
        "abbr",
        "acronym",
        "del",
        "ins",
        "mark",
        "q",
        "script",
        "style",
        "iframe",
        "video",
        "audio",
        "source",
        "object",
        "embed",
        "param",
        "button",
        "input",
        "label",
        "wbr",
        "strike",
        "html",
        "body",
        "head",
        "title",
        "meta",
        "link",
    ]
)
_KNOWN: Final = _BLOCKS | _MARKS.keys() | _HEADINGS.keys() | _OTHERS
#: Their content is not for readers.
_SILENT: Final = frozenset({"script", "style"})
#: With one of these, line breaks are no more than spaces; without, the text is lines with a few tags in them.
_STRUCTURE: Final = frozenset({"p", "div", "ul", "ol", "li", "table", "dl", "pre", "blockquote", *_HEADINGS})
#: How deep marks are followed. Deeper ones lose their tags.
_MAX_DEPTH: Final = 8

# Neither part of the pattern can match `<`, so a text of a million of them is read once.
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})\b([^<>]*)>")
_HREF: Final = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SPACES: Final = re.compile(r"[ \t\n]+")
_EMPTY_LINE: Final = re.compile(r"\n[ \t]*\n\s*")
_BULLET: Final = re.compile(r"(?:^|\n) *(?:-|\d+\.) $")
_MANY_BREAKS: Final = re.compile(r"\n{3,}")
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def is_html(text: str) -> bool:
    """True where a tag stands that people use for texts: `<insert name here>` is none."""
    return any(tag[2].lower() in _KNOWN for tag in _TAG.finditer(text))


def to_markdown(text: str) -> str:
    """Text without tags: as typed where there were none (but for line ends), else Markdown."""
    text = paragraphs(text)
    if "<" not in text or not is_html(text):
        return text
    text = _without_comments(text)
    structured = any(tag[2].lower() in _STRUCTURE for tag in _TAG.finditer(text))
    writer = _Writer(keeps_breaks=not structured)
    lower = text.lower()
    never_closed: set[str] = set()
    position = begin = 0
    while tag := _TAG.search(text, begin):
        begin = tag.end()
        name = tag[2].lower()
        if name not in _KNOWN:
            continue
        writer.words(text[position : tag.start()])
        position = begin
        if name in _SILENT and not tag[1] and name not in never_closed:
            end = lower.find(f"</{name}", begin)
            if end < 0:
                never_closed.add(name)
            else:
                position = begin = end
        elif tag[1]:
            writer.close(name)
        else:
            writer.open(name, tag[3])
    writer.words(text[position:])
    return paragraphs(writer.text())


class _Writer:
    """Writes tag after tag, with no tree: tags that are not closed, or in the wrong order, cost nothing but looks."""

    def __init__(self, *, keeps_breaks: bool) -> None:
        self._keeps_breaks = keeps_breaks
        self._out: list[str] = []
        # The end of what is written; enough to see bullets and line breaks.
        self._tail = ""
        self._begun = False
        self._lists: list[int | None] = []
        # Where the words of each open link begin in `_out`, and where it leads.
        self._links: list[tuple[int, str]] = []
        self._marks: list[tuple[str, int]] = []
        self._pre = False
        self._quote = 0

    def text(self) -> str:
        while self._marks:
            self.close(self._marks[-1][0])
        self.close("a")
        joined = "".join(self._out)
        return _MANY_BREAKS.sub("\n\n", "\n".join(part.rstrip() for part in joined.split("\n")))

    def words(self, raw: str) -> None:
        if not raw:
            return
        if self._pre:
            self._put(_unescape(raw))
            return
        if self._keeps_breaks:
            self._put(_unescape(raw.removeprefix("\n") if self._tail.endswith("\n") else raw))
            return
        # Line breaks of HTML mean nothing, but texts that mix it with plain paragraphs mean theirs.
        for number, block in enumerate(_EMPTY_LINE.split(raw)):
            if number:
                self._gap("\n\n")
            piece = _unescape(_SPACES.sub(" ", block))
            if not self._tail or self._tail.endswith(("\n", " ")):
                piece = piece.lstrip(" ")
            self._put(piece)

    def _put(self, text: str) -> None:
        if text:
            if self._quote and (not self._tail or self._tail.endswith("\n")) and not text.isspace():
                text = "> " * self._quote + text
            self._out.append(text)
            self._tail = (self._tail + text)[-60:]
            self._begun = self._begun or not text.isspace()

    def open(self, name: str, attributes: str) -> None:
        if name == "br":
            self._put("\n")
        elif name in _HEADINGS:
            self._gap("\n\n")
            self._put(_HEADINGS[name])
        elif name in {"ul", "ol"}:
            self._gap("\n" if self._lists else "\n\n")
            self._lists.append(1 if name == "ol" else None)
        elif name == "li":
            self._item()
        elif name == "pre" and not self._pre:
            self._gap("\n\n")
            self._put("```\n")
            self._pre = True
        elif name == "blockquote":
            self._quote = min(self._quote + 1, _MAX_DEPTH)
            self._gap("\n\n")
        elif name == "a":
            self.close("a")
            found = _HREF.search(attributes)
            target = html.unescape(found[1] or found[2] or found[3] or "") if found else ""
            self._links.append((len(self._out), target))
        elif name in _MARKS and not self._pre and len(self._marks) < _MAX_DEPTH:
            self._marks.append((name, len(self._out)))
        elif name in {"td", "th"}:
            self.words(" ")
        elif name in _BLOCKS and not (name in {"p", "div"} and self._lists and _BULLET.search(self._tail)):
            self._gap("\n\n")

    def close(self, name: str) -> None:
        if name in {"ul", "ol"}:
            if self._lists:
                self._lists.pop()
            self._gap("\n" if self._lists else "\n\n")
        elif name == "pre" and self._pre:
            self._pre = False
            self._put("```" if self._tail.endswith("\n") else "\n```")
            self._gap("\n\n")
        elif name == "blockquote":
            self._quote = max(0, self._quote - 1)
            self._gap("\n\n")
        elif name == "a" and self._links:
            self._link(*self._links.pop())
        elif name in _MARKS:
            self._mark(name)
        elif name in _HEADINGS or (name in _BLOCKS and not self._lists):
            self._gap("\n\n")

    def _item(self) -> None:
        self._gap("\n")
        number = self._lists[-1] if self._lists else None
        bullet = "- "
        if number is not None:
            bullet = f"{number}. "
            self._lists[-1] = number + 1
        self._put("   " * min(max(0, len(self._lists) - 1), _MAX_DEPTH) + bullet)

    def _link(self, begin: int, target: str) -> None:
        address = web_address(target)
        if not address:
            return
        bare = "".join(self._out[begin:]).strip()
        if not bare or bare in {target, address}:
            self._wrap(begin, lambda _words: f"<{address}>")
            return
        # Brackets in the words, and parentheses in the address, would end the link too early.
        goal = address.replace("(", "%28").replace(")", "%29")
        self._wrap(begin, lambda words: f"[{_SPACES.sub(' ', words).replace('[', '(').replace(']', ')')}]({goal})")

    def _mark(self, name: str) -> None:
        at = next((n for n in reversed(range(len(self._marks))) if self._marks[n][0] == name), None)
        if at is None:
            return
        begin = self._marks[at][1]
        del self._marks[at:]
        sign = _MARKS[name]
        bare = "".join(self._out[begin:]).strip()
        # Marks hold within a paragraph only, and an empty pair would be shown.
        if (
            bare
            and "\n\n" not in bare
            and not bare.startswith(sign)
            and not (sign == "`" and ("`" in bare or "\n" in bare))
        ):
            self._wrap(begin, lambda words: f"{sign}{words}{sign}")

    def _wrap(self, begin: int, made: Callable[[str], str]) -> None:
        """Replace what was written since `begin`; spaces around it stay outside."""
        words = "".join(self._out[begin:])
        bare = words.strip()
        before = words[: len(words) - len(words.lstrip())] if bare else ""
        whole = before + made(bare) + words[len(words.rstrip()) :]
        del self._out[begin:]
        self._put(whole)

    def _gap(self, breaks: str) -> None:
        """At least these line breaks before what comes."""
        if self._begun:
            tail = self._tail.rstrip(" ")
            self._put("\n" * max(0, len(breaks) - (len(tail) - len(tail.rstrip("\n")))))


def _unescape(text: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def _without_comments(text: str) -> str:
    kept = []
    position = 0
    while (begin := text.find("<!--", position)) >= 0:
        kept.append(text[position:begin])
        end = text.find("-->", begin + 4)
        if end < 0:
            position = begin + 4
            break
        position = end + 3
    return "".join(kept) + text[position:]
