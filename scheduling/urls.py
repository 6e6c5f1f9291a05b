"""Addresses of the programme: the organizer's pages first, then the public ones below an event's slug."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from common.codes import CODE_PATTERN
from scheduling.models import TOKEN_PATTERN
from scheduling.views import agendas, editor, imports, pretalx, public, releases

app_name = "scheduling"

_CODE = rf"(?P<code>{CODE_PATTERN})"
_TOKEN = rf"(?P<token>{TOKEN_PATTERN})"
_SLUG = r"(?P<slug>[-a-zA-Z0-9_]+)"

organizer_urls: list[URLPattern] = [
    path("organize/<slug:slug>/import/", imports.upload, name="import"),
    path("organize/<slug:slug>/import/progress/<uuid:run>/", imports.progress, name="import_progress"),
    path("organize/<slug:slug>/import/template.<str:kind>", imports.template, name="import_template"),
    path("organize/<slug:slug>/schedule/", editor.editor, name="editor"),
    path("organize/<slug:slug>/schedule/place/", editor.place, name="place_slot"),
    path("organize/<slug:slug>/schedule/slots/<int:pk>/", editor.slot, name="slot"),
    path("organize/<slug:slug>/schedule/slots/<int:pk>/remove/", editor.remove_slot, name="remove_slot"),
    path("organize/<slug:slug>/schedule/preview/", releases.preview, name="preview"),
    path("organize/<slug:slug>/schedule/preview/grid.css", releases.preview_grid, name="preview_grid"),
    path("organize/<slug:slug>/releases/", releases.releases, name="releases"),
]

public_urls: list[URLPattern] = [
    path("<slug:slug>/schedule/", public.schedule, name="schedule"),
    path("<slug:slug>/schedule/grid.css", public.grid, name="grid"),
    path("<slug:slug>/schedule/changes/", public.changes, name="changes"),
    path("<slug:slug>/schedule/changes.atom", public.changes_feed, name="changes_feed"),
    path("<slug:slug>/schedule/changes/.atom", public.changes_feed, name="changes_atom"),
    path("<slug:slug>/schedule/export/schedule.<str:kind>", public.export, name="export"),
    re_path(
        rf"^{_SLUG}/schedule/export/(?P<part>rooms|tracks)/(?P<pk>[0-9]{{1,18}})\.(?P<kind>[a-z]{{3,4}})$",
        public.part_export,
        name="part_export",
    ),
    path("<slug:slug>/schedule/widgets/schedule.json", public.widget, name="widget"),
    path("<slug:slug>/schedule/v/<str:version>/", public.version, name="version"),
    path("<slug:slug>/schedule/v/<str:version>/grid.css", public.version_grid, name="version_grid"),
    path(
        "<slug:slug>/schedule/v/<str:version>/export/schedule.<str:kind>", public.version_export, name="version_export"
    ),
    path("<slug:slug>/agenda/", agendas.create, name="agendas"),
    re_path(rf"^{_SLUG}/agenda/{_TOKEN}/$", agendas.agenda, name="agenda"),
    re_path(rf"^{_SLUG}/agenda/{_TOKEN}\.ics$", agendas.calendar, name="agenda_calendar"),
    path("<slug:slug>/speakers/", public.speakers, name="speakers"),
    re_path(rf"^{_SLUG}/sessions/{_CODE}/$", public.session, name="session"),
    re_path(rf"^{_SLUG}/sessions/{_CODE}\.ics$", public.session_calendar, name="session_calendar"),
    re_path(rf"^{_SLUG}/speakers/{_CODE}/$", public.speaker, name="speaker"),
    re_path(rf"^{_SLUG}/speakers/{_CODE}\.ics$", public.speaker_calendar, name="speaker_calendar"),
]

_TABLE = f"(?P<table>{'|'.join(pretalx.LISTS)})"
_KEY = r"(?P<key>[-.0-9A-Za-z]{1,200})"
#: The shapes of pretalx's API, for its clients.
pretalx_urls: list[URLPattern] = [
    path("api/", pretalx.root, name="pretalx_root"),
    path("api/events/", pretalx.events, name="pretalx_events"),
    path("api/events/<slug:slug>/", pretalx.event, name="pretalx_event"),
    path("api/events/<slug:slug>/schedules/by-version/", pretalx.by_version, name="pretalx_by_version"),
    re_path(
        rf"^api/events/{_SLUG}/schedules/{_KEY}/exporters/(?P<name>[-.\w]{{1,50}})/$",
        pretalx.exporter,
        name="pretalx_exporter",
    ),
    re_path(rf"^api/events/{_SLUG}/slots/{_KEY}/ical/$", pretalx.slot_calendar, name="pretalx_slot_calendar"),
    re_path(rf"^api/events/{_SLUG}/{_TABLE}/$", pretalx.rows, name="pretalx_rows"),
    re_path(rf"^api/events/{_SLUG}/{_TABLE}/{_KEY}/$", pretalx.row, name="pretalx_row"),
]

urlpatterns = [*pretalx_urls, *organizer_urls, *public_urls]
