"""Handing out files that people sent: the same for pages and API."""

from __future__ import annotations

from django.http import FileResponse  # noqa: TID251 (what both interfaces answer with)
from django.utils.cache import patch_cache_control

from registrations.models import AnswerFile


def served(file: AnswerFile) -> FileResponse:
    """To be saved, never shown: whatever is in it runs nowhere."""
    response = FileResponse(file.file.open("rb"), as_attachment=True, filename=file.name, content_type=file.media_type)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return response
