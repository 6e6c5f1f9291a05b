from __future__ import annotations

from django.http import HttpRequest, HttpResponse


def upload(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("")
