"""From bytes to text: encodings that lie, and characters that no text may hold."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin, urlsplit

from django.utils.translation import gettext as _

from scheduling.importers.parsed import MAX_BYTES, NotASchedule

Warn = Callable[[str, str], None]

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
)
#: What a declaration may name. Python knows more (`rot13`, `zlib`, `idna`), and none of those is an encoding of a file.
_DECLARED: Final = re.compile(
    r"(?:iso-?8859-\d{1,2}|latin-?\d|windows-125\d|cp125\d|us-ascii|ascii|koi8-[ru]|gbk|gb2312|gb18030|big5(?:-hkscs)?|"
    r"shift[_-]jis|euc-(?:jp|kr)|iso-2022-(?:jp|kr)|utf-?8)",
    re.IGNORECASE,
)
# Every C0 and C1 control but tab, line feed and carriage return, and lone halves of surrogate pairs.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_BREAKS: Final = re.compile("\r\n|[\r\x85\u2028\u2029]")
_WIDE_BREAKS: Final = re.compile("[ \t]*[\n\t]+[ \t]*")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*\.[a-z]{2,24}(?:[/?#:].*)?", re.IGNORECASE)


def check_size(data: bytes) -> None:
    """Raises NotASchedule for what no importer needs to look at."""
    if len(data) > MAX_BYTES:
        raise NotASchedule(
            _("This file is too large (%(size)d MB). A schedule may have up to %(limit)d MB.")
            % {"size": len(data) // (1024 * 1024), "limit": MAX_BYTES // (1024 * 1024)}
        )
    if not data.strip(b" \t\r\n\x00"):
        raise NotASchedule(_("This file is empty."))
    for magic, name in _MAGIC:
        if data.startswith(magic):
            raise NotASchedule(an_archive(name))


def an_archive(name: str) -> str:
    return _("This is a %(format)s archive. Unpack it and import the file inside.") % {"format": name}


def decode(data: bytes, *, declared: str = "", warn: Warn, chinese: bool = False) -> str:
    """The text, without byte order mark.

    What is UTF-8 is read as UTF-8 whatever the file declares; the reverse hardly happens by chance. With `chinese`, bytes
    that are no UTF-8 may be GB 18030, in which spreadsheets write CSV on Chinese computers.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(name).removeprefix("\ufeff")
            except UnicodeDecodeError as error:
                raise NotASchedule(
                    _("This file says that it is %(encoding)s, and is not.") % {"encoding": name}
                ) from error
    if data[:4].count(0) >= 2 or (data[:2].count(0) == 1 and len(data) % 2 == 0):
        guess = _without_mark(data)
        if guess is not None:
            return guess
    name = declared.strip()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(data, name, error, warn, chinese=chinese)
    if name and not data.isascii() and _DECLARED.fullmatch(name) and not re.fullmatch("utf-?8", name, re.IGNORECASE):
        warn(_("file"), _("It says that it is %(encoding)s, and is UTF-8. Read as UTF-8.") % {"encoding": name})
    return text


def _without_mark(data: bytes) -> str | None:
    """UTF-16 and UTF-32 whose first character is ASCII, as every format here begins."""
    for name in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if text[:1].isascii() and "\x00" not in text[:64]:
            return text
    return None


def _not_utf8(data: bytes, declared: str, error: UnicodeDecodeError, warn: Warn, *, chinese: bool) -> str:
    line = data.count(b"\n", 0, error.start) + 1
    if _DECLARED.fullmatch(declared) and not re.fullmatch("utf-?8", declared, re.IGNORECASE):
        try:
            return data.decode(declared)
        except (UnicodeDecodeError, LookupError):
            pass
    if chinese and not declared:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            pass
        else:
            foreign = [c for c in text if c > "\x7f"]
            if sum("\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" for c in foreign) * 2 > len(foreign):
                warn(_("file"), _("It is no UTF-8. Read as GB 18030."))
                return text
    text = data.decode("utf-8", errors="replace")
    # With sound UTF-8 beside the broken bytes, those are damage; without, the file is in an old Western encoding.
    if any(c > "\x7f" and c != "\ufffd" for c in text):
        warn(
            _("line %(line)d") % {"line": line},
            _("Some characters are no UTF-8 and are shown as \N{REPLACEMENT CHARACTER}."),
        )
        return text
    warn(_("line %(line)d") % {"line": line}, _("It is no UTF-8. Read as Windows-1252."))
    return data.decode("cp1252", errors="replace")


def without_controls(text: str) -> tuple[str, int]:
    """The text, and how many characters were taken out of it."""
    return _CONTROLS.subn("", text)


def paragraphs(text: str) -> str:
    """Text of several lines as it is kept: line feeds only, nothing around it."""
    return _BREAKS.sub("\n", _CONTROLS.sub("", text)).strip()


def line(text: str) -> str:
    """Text of one line: breaks and tabs become a space, everything else stays as typed."""
    return _WIDE_BREAKS.sub(" ", paragraphs(text))


def shortened(text: str, length: int) -> str:
    """Cut between words where possible. Combining characters are not torn from what they stand on."""
    if len(text) <= length:
        return text
    end = length - 1
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    cut = text[:end]
    at = cut.rfind(" ")
    return (cut[:at] if at > length // 2 else cut).rstrip() + "…"


def web_address(text: str, *, base: str = "", length: int = 1000) -> str:
    """An http(s) address, or `""`: host names get their scheme, paths the host of `base`, and nothing else is a link."""
    address = line(text).replace(" ", "%20")
    if not address or len(address) > length:
        return ""
    # `urlsplit` and `urljoin` raise ValueError for hosts such as `[::`.
    try:
        if urlsplit(address).scheme.lower() not in {"http", "https"}:
            if _HOST.fullmatch(address) and "@" not in address:
                address = f"https://{address}"
            elif base and address.startswith(("/", "./", "../")):
                address = urljoin(base, address)
            else:
                return ""
        parts = urlsplit(address)
        if not parts.hostname or parts.username or parts.password:
            return ""
        parts.port  # noqa: B018 (raises ValueError for a port that is none)
    except ValueError:
        return ""
    if any(c in address for c in '<>"\\^`{|}'):
        address = "".join(f"%{ord(c):02X}" if c in '<>"\\^`{|}' else c for c in address)
    return address if len(address) <= length else ""
