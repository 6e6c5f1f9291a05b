from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from common.codes import CODE_PATTERN
from submissions.views import speakers, submissions

app_name = "submissions"

_CODE = rf"(?P<code>{CODE_PATTERN})"

_organize: list[URLPattern | URLResolver] = [
    path("sessions/", submissions.submissions, name="submissions"),
    path("sessions/new/", submissions.new_submission, name="new_submission"),
    re_path(rf"^sessions/{_CODE}/$", submissions.submission, name="submission"),
    re_path(rf"^sessions/{_CODE}/delete/$", submissions.delete_submission, name="delete_submission"),
    path("speakers/", speakers.speakers, name="speakers"),
    path("speakers/new/", speakers.new_speaker, name="new_speaker"),
    re_path(rf"^speakers/{_CODE}/$", speakers.speaker, name="speaker"),
    re_path(rf"^speakers/{_CODE}/delete/$", speakers.delete_speaker, name="delete_speaker"),
]

urlpatterns: list[URLPattern | URLResolver] = [path("organize/<slug:slug>/", include(_organize))]
