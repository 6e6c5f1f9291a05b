"""Signing in (allauth's own names), and one's own pages."""

from __future__ import annotations

from django.urls import include, path

from accounts.views import institutions, me

_mine = [
    path("", me.home, name="me"),
    path("profile/", me.profile, name="profile"),
    path("security/", me.security, name="security"),
]

urlpatterns = [
    path("institutions/", institutions.suggest, name="institutions"),
    path("accounts/", include("allauth.urls")),
    path("me/", include((_mine, "accounts"))),
]
