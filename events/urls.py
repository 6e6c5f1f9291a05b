"""The organizer's pages first, then the public ones below an event's slug: those come last of all addresses."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from events.views import holds, manage, organisations, places, public, teams, tracks

app_name = "events"

_organize: list[URLPattern | URLResolver] = [
    path("", organisations.home, name="home"),
    path("new/", manage.new_event, name="new"),
    path("organisations/new/", organisations.new_organisation, name="new_organisation"),
    path("organisations/<slug:slug>/", organisations.organisation, name="organisation"),
    path("organisations/<slug:slug>/edit/", organisations.edit_organisation, name="edit_organisation"),
    path("organisations/<slug:slug>/teams/new/", teams.new_team, name="new_team"),
    path("organisations/<slug:slug>/teams/<int:pk>/", teams.team, name="team"),
    path("organisations/<slug:slug>/teams/<int:pk>/delete/", teams.delete_team, name="delete_team"),
    path("organisations/<slug:slug>/teams/<int:pk>/invitations/", teams.invite, name="invite"),
    path(
        "organisations/<slug:slug>/teams/<int:pk>/invitations/<int:invitation>/withdraw/",
        teams.withdraw_invitation,
        name="withdraw_invitation",
    ),
    path(
        "organisations/<slug:slug>/teams/<int:pk>/members/<int:member>/remove/",
        teams.remove_member,
        name="remove_member",
    ),
    path("invitations/<str:secret>/", teams.invitation, name="invitation"),
    path("<slug:slug>/", manage.dashboard, name="organize"),
    path("<slug:slug>/details/", manage.details, name="details"),
    path("<slug:slug>/state/", manage.state, name="state"),
    path("<slug:slug>/rooms/", places.rooms, name="rooms"),
    path("<slug:slug>/rooms/new/", places.new_room, name="new_room"),
    path("<slug:slug>/rooms/attach/", places.attach_room, name="attach_room"),
    path("<slug:slug>/rooms/order/", places.order_rooms, name="order_rooms"),
    path("<slug:slug>/rooms/<int:pk>/", places.room, name="room"),
    path("<slug:slug>/rooms/<int:pk>/detach/", places.detach_room, name="detach_room"),
    path("<slug:slug>/venues/new/", places.new_venue, name="new_venue"),
    path("<slug:slug>/venues/<int:pk>/", places.venue, name="venue"),
    path("<slug:slug>/holds/", holds.holds, name="holds"),
    path("<slug:slug>/holds/<int:pk>/release/", holds.release, name="release_hold"),
    path("<slug:slug>/tracks/", tracks.tracks, name="tracks"),
    path("<slug:slug>/tracks/new/", tracks.new_track, name="new_track"),
    path("<slug:slug>/tracks/order/", tracks.order_tracks, name="order_tracks"),
    path("<slug:slug>/tracks/<int:pk>/", tracks.track, name="track"),
    path("<slug:slug>/tracks/<int:pk>/delete/", tracks.delete_track, name="delete_track"),
    path("<slug:slug>/teams/", teams.teams, name="teams"),
    path("<slug:slug>/", include("events.mail_urls")),
]

urlpatterns = [
    path("", public.front, name="front"),
    path("organize/", include(_organize)),
    path("<slug:slug>/", public.event, name="event"),
]
