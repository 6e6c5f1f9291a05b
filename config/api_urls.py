"""The API: one table of what is where. Shapes are promises, see docs/reference/api.md."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

from common.api.docs import documentation
from common.api.errors import NotHere
from events.api.mail import Campaigns, Messages, ReminderRules
from events.api.views import Events, Rooms, Tracks
from registrations.api.check_ins import CheckIns
from registrations.api.views import Files, Products, Questions, QuestionSections, Quotas, Registrations, TicketTypes
from scheduling.api.views import Conflicts, Releases, Slots
from submissions.api.views import Speakers, Submissions

app_name = "api"

LIST: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

_resources = [
    ("rooms", Rooms, "<int:pk>"),
    ("tracks", Tracks, "<int:pk>"),
    ("submissions", Submissions, "<str:code>"),
    ("speakers", Speakers, "<str:code>"),
    ("slots", Slots, "<int:pk>"),
    ("ticket-types", TicketTypes, "<int:pk>"),
    ("products", Products, "<int:pk>"),
    ("quotas", Quotas, "<int:pk>"),
    ("questions", Questions, "<int:pk>"),
    ("question-sections", QuestionSections, "<int:pk>"),
    ("reminder-rules", ReminderRules, "<int:pk>"),
]

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="schema"),
    path("docs/", documentation, name="docs"),
    path("events/", Events.as_view(LIST), name="events"),
    path("events/<str:event>/", Events.as_view({"get": "retrieve", "patch": "partial_update"}), name="event"),
    *[path(f"events/<str:event>/{name}/", view.as_view(LIST), name=name) for name, view, _key in _resources],
    *[
        path(f"events/<str:event>/{name}/{key}/", view.as_view(ONE), name=f"{name}-one")
        for name, view, key in _resources
    ],
    path("events/<str:event>/conflicts/", Conflicts.as_view({"get": "list"}), name="conflicts"),
    path("events/<str:event>/releases/", Releases.as_view(LIST), name="releases"),
    path("events/<str:event>/releases/preview/", Releases.as_view({"get": "preview"}), name="preview"),
    path("events/<str:event>/releases/<str:version>/", Releases.as_view({"get": "retrieve"}), name="release"),
    path("events/<str:event>/registrations/", Registrations.as_view(LIST), name="registrations"),
    path(
        "events/<str:event>/registrations/group/", Registrations.as_view({"post": "group"}), name="registration-group"
    ),
    path(
        "events/<str:event>/registrations/<str:code>/",
        Registrations.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="registration",
    ),
    *[
        path(
            f"events/<str:event>/registrations/<str:code>/{name}/",
            Registrations.as_view({"post": name.replace("-", "_")}),
            name=f"registration-{name}",
        )
        for name in ("cancel", "approve", "reject", "accept-offer")
    ],
    path("events/<str:event>/check-ins/", CheckIns.as_view(LIST), name="check-ins"),
    path(
        "events/<str:event>/registrations/<str:code>/files/<str:reference>/",
        Registrations.as_view({"get": "file"}),
        name="registration-file",
    ),
    path("events/<str:event>/files/", Files.as_view({"post": "create"}), name="files"),
    path(
        "events/<str:event>/registrations/<str:code>/payments/",
        Registrations.as_view({"get": "payments", "post": "payments"}),
        name="registration-payments",
    ),
    path("events/<str:event>/messages/", Messages.as_view(LIST), name="messages"),
    path("events/<str:event>/messages/<int:pk>/", Messages.as_view({"get": "retrieve"}), name="message"),
    path("events/<str:event>/messages/<int:pk>/cancel/", Messages.as_view({"post": "cancel"}), name="message-cancel"),
    path("events/<str:event>/messages/<int:pk>/retry/", Messages.as_view({"post": "retry"}), name="message-retry"),
    path("events/<str:event>/campaigns/", Campaigns.as_view(LIST), name="campaigns"),
    path(
        "events/<str:event>/campaigns/<int:pk>/",
        Campaigns.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="campaign",
    ),
    *[
        path(
            f"events/<str:event>/campaigns/<int:pk>/{name}/",
            Campaigns.as_view({"post": name}),
            name=f"campaign-{name}",
        )
        for name in ("send", "pause", "resume", "cancel")
    ],
    re_path(r"", NotHere.as_view(), name="nothing"),
]
