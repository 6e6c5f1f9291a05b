from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """What every layout needs. Nothing about the viewer: public pages are the same for all."""
    return {
        "SITE_NAME": settings.SITE_NAME,
        "CAMPUS_NAME": settings.CAMPUS_NAME,
        "PUBLIC_URL": settings.PUBLIC_URL,
        "LANGUAGE": getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE),
        "LANGUAGES": settings.LANGUAGES,
    }
