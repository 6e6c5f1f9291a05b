"""The limit for a page: a bare Django view that returns as many bytes, on the same server with the same settings."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=os.urandom(16).hex())

_BODY = b"x" * int(os.environ.get("BARE_BYTES", "1000"))


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_BODY, headers={"Content-Length": str(len(_BODY))})


urlpatterns = [path("", view)]
application = get_wsgi_application()
