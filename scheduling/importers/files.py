"""Files on their way to `parse`: from a disk, packed, or in a form that carries them along."""

from __future__ import annotations

import base64
import os
import zlib
from pathlib import Path

from django.utils.translation import gettext as _

from scheduling.importers import MAX_BYTES, NotASchedule, Parsed, parse


class ChangedMeanwhile(Exception):
    """The file was written while it was read."""


def read_file(path: Path) -> bytes:
    """The whole file as it stood at one moment. Raises ChangedMeanwhile, and OSError.

    A file that another takes the place of is read to its own end; one that is written into would be half old and half new.
    """
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        data = file.read(MAX_BYTES + 1)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ChangedMeanwhile
    return data


def read(data: bytes, name: str = "", *, repair: bool = False) -> Parsed:
    """The programme in a file, which may be packed with gzip. `repair`: mend texts that were decoded twice. Raises
    NotASchedule."""
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(data, zlib.MAX_WBITS | 16)
    return parse(data, name=name, repair=repair)


def pack(data: bytes) -> str:
    """A file as text for a form, to be sent along from the preview to the import."""
    return base64.b64encode(zlib.compress(data)).decode()


def unpack(text: str) -> bytes:
    """Raises NotASchedule."""
    try:
        return _unpacked(base64.b64decode(text, validate=True), zlib.MAX_WBITS)
    except ValueError as error:
        raise NotASchedule(_("The file was lost on the way. Choose it again.")) from error


def _unpacked(data: bytes, window: int) -> bytes:
    """Stops where more comes out than any programme has: a small file can hold gigabytes."""
    machine = zlib.decompressobj(window)
    try:
        unpacked = machine.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise NotASchedule(_("This file is packed, and its packing is broken.")) from error
    if len(unpacked) > MAX_BYTES:
        raise NotASchedule(
            _("This file is too large when it is unpacked. A schedule may have up to %(limit)d MB.")
            % {"limit": MAX_BYTES // (1024 * 1024)}
        )
    return unpacked
