"""What a file is that is no schedule, so that its sender is told more than `no`."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

from scheduling.importers.parsed import NotASchedule
from scheduling.importers.reading import an_archive, decode

_LENGTH: Final = 4_000
_YAML: Final = re.compile(
    r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:---[ \t]*\r?\n|[ \t]*- [\w-]+:|[\w-]+:[ \t]*\r?\n[ \t]*[-\w])"
)
_BINARY: Final = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "RIFF"),
    (b"\xd0\xcf\x11\xe0", "Microsoft Office"),
    (b"\x7fELF", "ELF"),
    (b"SQLite format 3", "SQLite"),
)


def beginning(data: bytes) -> str:
    """The first characters, by which importers know their files; `""` where they are no text."""
    # A multiple of four bytes: no character of UTF-16 or UTF-32 is cut.
    head = data[: 4 * _LENGTH]
    try:
        text = decode(head, warn=lambda _where, _reason: None)
    except NotASchedule:
        text = head.decode("utf-8", errors="replace")
    return text[:_LENGTH]


def what_it_is(data: bytes, start: str) -> str:
    if data.startswith(b"PK\x03\x04"):
        return an_archive("ZIP")
    for magic, name in _BINARY:
        if data.startswith(magic):
            return _("This is a %(format)s file, no schedule.") % {"format": name}
    if (
        "\x00" in start
        or sum(character < " " and character not in "\t\r\n\f" for character in start) > len(start) // 20
    ):
        return _("This is no text file, and no schedule.")
    return ""


def is_yaml(start: str) -> bool:
    return _YAML.match(start) is not None
