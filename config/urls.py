"""Every address. Those of an event begin with its slug, so its apps come last; `events.models.RESERVED_SLUGS` keeps the two apart."""

from __future__ import annotations

from django.urls import include, path

from common import views

urlpatterns = [
    path("robots.txt", views.robots, name="robots"),
    path("design/", views.design, name="design"),
    path("", include("accounts.urls")),
    path("api/v1/", include("config.api_urls")),
    path("", include("notifications.urls")),
    path("", include("registrations.urls")),
    path("", include("scheduling.urls")),
    path("", include("submissions.urls")),
    path("", include("events.urls")),
]

handler400 = "common.views.bad_request"
handler403 = "common.views.forbidden"
handler404 = "common.views.not_found"
handler500 = "common.views.server_error"
