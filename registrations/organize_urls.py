from __future__ import annotations

from django.urls import URLPattern

organize_urls: list[URLPattern] = []
