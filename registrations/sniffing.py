"""What a file is, told from its bytes: neither its name nor what a browser says of it is believed."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

#: Larger tables of contents are no letter or certificate.
_MOST_ENTRIES: Final = 5000


@dataclass(frozen=True, kw_only=True)
class FileType:
    code: str
    # As people call it; the same in every language.
    label: str
    media_type: str
    # The first is its own.
    endings: tuple[str, ...]


FILE_TYPES: Final = {
    one.code: one
    for one in (
        FileType(code="pdf", label="PDF", media_type="application/pdf", endings=("pdf",)),
        FileType(code="jpg", label="JPEG", media_type="image/jpeg", endings=("jpg", "jpeg", "jpe")),
        FileType(code="png", label="PNG", media_type="image/png", endings=("png",)),
        FileType(
            code="docx",
            label="Word (DOCX)",
            media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            endings=("docx",),
        ),
        FileType(
            code="odt",
            label="OpenDocument (ODT)",
            media_type="application/vnd.oasis.opendocument.text",
            endings=("odt",),
        ),
    )
}


def file_type_of(content: bytes) -> FileType | None:
    """None: of no type that we take, or damaged at its beginning or end."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return FILE_TYPES["pdf"]
    if content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in content[-65536:]:
        return FILE_TYPES["jpg"]
    if content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") and b"IEND" in content[-65536:]:
        return FILE_TYPES["png"]
    if content.startswith(b"PK\x03\x04"):
        return _in_zip(content)
    return None


def _in_zip(content: bytes) -> FileType | None:
    """Only the table of contents and one short entry are read: nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if len(names) > _MOST_ENTRIES or any(name.lower().endswith("vbaproject.bin") for name in names):
                return None
            if {"[Content_Types].xml", "word/document.xml"} <= names:
                return FILE_TYPES["docx"]
            if "mimetype" in names and "content.xml" in names:
                with archive.open("mimetype") as entry:
                    told = entry.read(100).decode("ascii", "replace").strip()
                return FILE_TYPES["odt"] if told == FILE_TYPES["odt"].media_type else None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return None
    return None


def ending_of(name: str) -> str:
    return PurePath(name).suffix.lower().removeprefix(".")
