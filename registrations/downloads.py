"""Handing out files that people sent: the same for pages and API."""

from __future__ import annotations

from django.http import HttpResponse  # noqa: TID251 (what both interfaces answer with)
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header

from registrations.models import AnswerFile


def served(file: AnswerFile) -> HttpResponse:
    """To be saved, never shown: whatever is in it runs nowhere. Whole, since no answer is larger than `answers.MOST_MEGABYTES`."""
    with file.file.open("rb") as stored:
        response = HttpResponse(stored.read(), content_type=file.media_type)
    response["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return response
