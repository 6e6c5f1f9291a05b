"""Internet messages as bytes (RFC 5322, 2045–2047, 6532), written straight down.

The standard library's generator folds every header anew and takes longer than the sending; what a mail of ours consists of
is known, so it is put together here. Header values cannot break out of their line: control characters become spaces.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:[ .]?[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
#: RFC 5322 §2.1.1: lines should not be longer than this.
_WIDTH: Final = 78
#: So that `=?utf-8?B?…?=` has at most 75 characters (RFC 2047 §2).
_ENCODED_BYTES: Final = 45


@functools.lru_cache(maxsize=256)
def one_line(text: str) -> str:
    return _UNSAFE.sub(" ", text).strip()


def _encoded_words(text: str) -> str:
    words, chunk, size = [], "", 0
    for character in text:
        length = len(character.encode())
        if size + length > _ENCODED_BYTES:
            words.append(chunk)
            chunk, size = "", 0
        chunk += character
        size += length
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word.encode()).decode()}?=" for word in words)


def unstructured(name: str, value: str) -> str:
    """A header line of free text, such as Subject."""
    value = one_line(value)
    if not value.isascii() or "=?" in value or "  " in value:
        return f"{name}: {_encoded_words(value)}"
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > _WIDTH and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def mailbox(display: str, address: str) -> str:
    """`"Name" <address>`; the name in encoded words where it is not ASCII."""
    display = one_line(display)
    if not display:
        return address
    if not display.isascii() or "=?" in display:
        return f"{_encoded_words(display)}\r\n <{address}>"
    if not _ATOM.match(display):
        display = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{display}\r\n <{address}>" if len(display) + len(address) > 60 else f"{display} <{address}>"


@dataclass(frozen=True, kw_only=True)
class Part:
    content_type: str
    body: str
    disposition: str = ""

    def lines(self) -> bytes:
        text = re.sub(r"\r\n|\r|\n", "\r\n", self.body)
        raw = text.encode("utf-8", "replace")
        if not raw.endswith(b"\r\n"):
            raw += b"\r\n"
        if raw.isascii() and all(len(line) <= 900 for line in raw.split(b"\r\n")):
            encoding, encoded = b"7bit", raw
        elif len(raw) - len(text) < len(raw) // 8:
            encoding, encoded = b"quoted-printable", binascii.b2a_qp(raw, istext=True)
        else:
            encoding, encoded = b"base64", base64.encodebytes(raw).replace(b"\n", b"\r\n")
        head = f"Content-Type: {self.content_type}\r\n".encode()
        if self.disposition:
            head += f"Content-Disposition: {self.disposition}\r\n".encode()
        return head + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + encoded


def multipart(subtype: str, boundary: str, parts: list[bytes]) -> bytes:
    """Headers and content of a multipart entity."""
    mark = boundary.encode()
    body = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode() + body + b"--" + mark + b"--\r\n"
    )


def date_header(at: datetime) -> str:
    return f"Date: {format_datetime(at)}"


def ascii_address(address: str) -> str:
    """The address with its domain as servers know it (IDNA); a part before the @ outside of ASCII stays as it is and needs
    SMTPUTF8. Raises UnicodeError for a domain that cannot exist."""
    local, _at, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}" if not domain.isascii() else address
