from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from accounts.models import User
from common.models import AuditEntry
from common.problems import Refusal
from events import hooks
from events.models import Event, EventRoom, Organisation, Permission, Room, Team
from events.services import events, organisations, places, tracks
from tests.factories.events import (
    NOW,
    make_event,
    make_hold,
    make_organisation,
    make_room,
    make_track,
    make_venue,
)

pytestmark = pytest.mark.django_db


def refused(call: Any, **kwargs: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as refusal:
        call(**{"actor": None, "now": NOW, **kwargs})
    return [(problem.code, problem.field) for problem in refusal.value.problems]


def verbs(event: Event) -> list[str]:
    return list(AuditEntry.objects.filter(event_id=event.pk).order_by("pk").values_list("verb", flat=True))


# -- Organisations -----------------------------------------------------------------------------------------------------


def test_an_organisation_begins_with_a_team_that_may_everything(attendee: User) -> None:
    made = make_organisation("probiotics", actor=attendee)
    team = Team.objects.get()
    assert (team.organisation, team.all_events, set(team.permissions)) == (made, True, set(Permission.values))
    assert [member.user for member in team.members.all()] == [attendee]


def test_an_organisation_gets_an_address_from_its_name() -> None:
    first = organisations.create_organisation(name="Photoresponsive Materials", kind="laboratory", actor=None, now=NOW)
    second = organisations.create_organisation(name="Photoresponsive Materials", kind="laboratory", actor=None, now=NOW)
    chinese = organisations.create_organisation(
        name={"zh-hans": "食品学院"}, kind="college", language="zh-hans", actor=None, now=NOW
    )
    assert first.slug == "photoresponsive-materials"
    assert second.slug.startswith("photoresponsive-materials-")
    assert len(chinese.slug) == 6


def test_a_person_is_made_an_organizer_once(organisation: Organisation, attendee: User) -> None:
    for _ in range(2):
        organisations.make_organizer(organisation=organisation, user=attendee, actor=None, now=NOW)
    assert attendee.memberships.count() == 1
    assert AuditEntry.objects.filter(verb="team_joined").count() == 1


# -- Events ------------------------------------------------------------------------------------------------------------


def test_an_event_keeps_texts_as_typed_in_the_language_they_were_typed_in(organisation: Organisation) -> None:
    made = make_event(
        organisation=organisation, name="null", tagline="123", description='{"en": "x"}', locales=["zh-hans", "en"]
    )
    made.refresh_from_db()
    assert (made.name.data, made.tagline.data, made.description.data) == (
        {"zh-hans": "null"},
        {"zh-hans": "123"},
        {"zh-hans": '{"en": "x"}'},
    )
    assert str(made.name) == "null"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ends_on": date(2027, 6, 6)}, ("ends_before_it_starts", "ends_on")),
        ({"ends_on": date(2028, 12, 1)}, ("too_long", "ends_on")),
        ({"slug": "accounts"}, ("reserved", "slug")),
        ({"slug": "Food 2027"}, ("invalid", "slug")),
        ({"time_zone": "China/Wuxi"}, ("time_zone", "time_zone")),
        ({"name": {}}, ("required", "name")),
        ({"name": {"en": "   "}}, ("required", "name")),
        ({"name": "x" * 301}, ("max_length", "name")),
        ({"name": "two\nlines"}, ("line_break", "name")),
        ({"name": "bell\x07"}, ("control_character", "name")),
        ({"name": {"tlh": "Qapla'"}}, ("language", "name")),
        ({"description": "nul\x00"}, ("control_character", "description")),
        ({"kind": "party"}, ("invalid_choice", "kind")),
        ({"website": "javascript:alert(1)"}, ("invalid", "website")),
        ({"website": "ftp://example.org/"}, ("invalid", "website")),
        ({"contact_email": "nobody"}, ("invalid", "contact_email")),
        ({"accent": "red; }"}, ("invalid_choice", "accent")),
        ({"locales": []}, ("blank", "locales")),
        ({"acronym": "\u2028"}, ("line_break", "acronym")),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    event: Event, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    before = Event.objects.values().get(pk=event.pk)
    event.state = "draft"
    Event.objects.filter(pk=event.pk).update(state="draft")
    assert problem in refused(events.update_event, event=event, changes=changes)
    assert {**Event.objects.values().get(pk=event.pk), "state": "live"} == before
    assert str(event.name) == "Food Science Days 2027"  # the caller's object is untouched, too


def test_two_events_have_not_one_address(event: Event) -> None:
    assert refused(
        events.create_event,
        organisation=event.organisation,
        slug="food-2027",
        name="x",
        starts_on=date(2027, 1, 1),
        ends_on=date(2027, 1, 1),
        time_zone="Asia/Shanghai",
        locales=["en"],
    ) == [("unique", "slug")]


def test_changing_one_field_leaves_what_somebody_else_changed_meanwhile(event: Event) -> None:
    stale = Event.objects.get(pk=event.pk)
    events.update_event(event=event, changes={"tagline": "New"}, actor=None, now=NOW)
    events.update_event(event=stale, changes={"accent": "plum"}, actor=None, now=NOW)
    event.refresh_from_db()
    assert (str(event.tagline), event.accent) == ("New", "plum")


def test_history_names_what_changed_and_nothing_where_nothing_did(event: Event, organizer: User) -> None:
    events.update_event(event=event, changes={"accent": "plum", "kind": "conference"}, actor=organizer, now=NOW)
    events.update_event(event=event, changes={"accent": "plum"}, actor=organizer, now=NOW)
    entry = AuditEntry.objects.get(verb="event_changed")
    assert (entry.actor, entry.details) == (organizer, {"fields": ["accent"]})


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("draft", "live", True),
        ("draft", "archived", False),
        ("live", "draft", True),
        ("live", "archived", True),
        ("archived", "live", True),
        ("archived", "draft", True),
    ],
)
def test_states_follow_each_other(organisation: Organisation, old: str, new: str, allowed: bool) -> None:
    made = make_event(organisation=organisation, state="draft")
    Event.objects.filter(pk=made.pk).update(state=old)
    if allowed:
        events.update_event(event=made, changes={"state": new}, actor=None, now=NOW)
        assert verbs(made)[-1] == {"live": "event_published", "draft": "event_unpublished"}.get(new, "event_archived")
    else:
        assert refused(events.update_event, event=made, changes={"state": new}) == [("state_change", "state")]
    made.refresh_from_db()
    assert made.state == (new if allowed else old)


def test_the_address_of_a_public_event_stays(event: Event) -> None:
    assert refused(events.update_event, event=event, changes={"slug": "other"}) == [("address_is_public", "slug")]
    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    events.update_event(event=event, changes={"slug": "other"}, actor=None, now=NOW)
    assert Event.objects.get().slug == "other"


def test_changing_the_zone_keeps_wall_clocks(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(hooks, "zone_changed", [lambda event, old, new, now: told.append((old.key, new.key))])
    room = make_room(event)
    # Touching holds: moved one by one, the first would run into the second.
    make_hold(event, room, "08:00", "12:00")
    make_hold(event, room, "12:00", "18:00")
    events.update_event(event=event, changes={"time_zone": "Europe/Berlin"}, actor=None, now=NOW)
    clocks = [
        (hold.period.lower.astimezone(event.tz).strftime("%H:%M"), hold.period.lower.astimezone(UTC).hour)
        for hold in event.room_holds.order_by("period")
    ]
    assert clocks == [("08:00", 6), ("12:00", 10)]
    assert told == [("Asia/Shanghai", "Europe/Berlin")]


def test_a_change_of_zone_that_would_take_a_room_from_another_event_is_refused(event: Event) -> None:
    room = make_room(event)
    other = make_event(organisation=event.organisation)
    places.attach_room(event=other, room=room, actor=None, now=NOW)
    make_hold(event, room, "08:00", "12:00")
    make_hold(other, room, "13:00", "18:00")
    assert refused(events.update_event, event=event, changes={"time_zone": "Asia/Dubai"}) == [("room_taken", "room")]
    event.refresh_from_db()
    assert (event.time_zone, event.room_holds.count()) == ("Asia/Shanghai", 1)


def test_apps_above_hear_of_changes(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(hooks, "event_changed", [lambda event, fields, now: heard.append(sorted(fields))])
    monkeypatch.setattr(hooks, "state_changed", [lambda event, old, new, now: heard.append((old, new))])
    events.update_event(event=event, changes={"accent": "red", "state": "archived"}, actor=None, now=NOW)
    assert heard == [["accent", "state"], ("live", "archived")]


@pytest.mark.parametrize(
    "words",
    ["food", "FOOD science", "食品", "科学日 2027", "college", "lake", "ﬁsh", "FISH", "uber", "Über", "food-2027"],
)
def test_an_event_is_found_by_any_of_its_words(words: str) -> None:
    host = make_organisation(name={"en": "College of Über Fish", "zh-hans": "学院"})
    event = make_event(
        "food-2027",
        organisation=host,
        name={"en": "Food Science Days", "zh-hans": "2027食品科学日"},
        tagline="Beside the lake",
    )
    assert list(Event.objects.matching(words)) == [event]
    assert not Event.objects.matching(words + " zebra").exists()


def test_search_follows_the_names_of_host_and_venue(event: Event) -> None:
    venue = make_venue(event, "Old Library")
    assert list(Event.objects.matching("old library")) == [event]
    places.update_venue(venue=venue, changes={"name": "New Library"}, actor=None, now=NOW)
    organisations.update_organisation(
        organisation=event.organisation, changes={"name": {"en": "Brewing"}}, actor=None, now=NOW
    )
    assert list(Event.objects.matching("new library brewing")) == [event]
    assert not Event.objects.matching("old library").exists()


# -- Places ------------------------------------------------------------------------------------------------------------


def test_the_first_room_settles_where_an_event_is(event: Event) -> None:
    room = make_room(event, "Great Hall", capacity=600)
    event.refresh_from_db()
    assert room.venue == event.venue
    assert str(room.venue.name) == "Food Science Days 2027"
    assert verbs(event)[-2:] == ["venue_created", "room_created"]


def test_rooms_are_in_the_order_that_was_chosen(event: Event) -> None:
    first, second, third = (make_room(event, name) for name in "ABC")
    places.order_rooms(event=event, rooms=[third.pk, first.pk], actor=None, now=NOW)
    order = EventRoom.objects.filter(event=event).order_by("position").values_list("room_id", flat=True)
    assert list(order) == [third.pk, first.pk, second.pk]


def test_a_room_in_use_stays_with_the_reason(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "room_uses", [lambda event, room: ["3 sessions of the draft are in it."]])
    room = make_room(event)
    make_hold(event, room)
    assert refused(places.detach_room, event=event, room=room) == [("room_in_use", ""), ("room_held", "")]
    assert EventRoom.objects.filter(event=event, room=room).exists()


def test_a_room_that_is_not_needed_leaves_the_event_and_stays_in_its_venue(event: Event) -> None:
    room = make_room(event)
    places.detach_room(event=event, room=room, actor=None, now=NOW)
    assert not EventRoom.objects.exists()
    assert Room.objects.get() == room


def test_rooms_of_another_organisation_are_used_and_not_changed(event: Event) -> None:
    hall = make_room(make_event(), "Great Hall")
    places.attach_room(event=event, room=hall, actor=None, now=NOW)
    places.attach_room(event=event, room=hall, actor=None, now=NOW)
    assert EventRoom.objects.filter(event=event).count() == 1
    assert refused(places.update_room, event=event, room=hall, changes={"name": "Mine"}) == [
        ("room_of_another_organisation", "")
    ]


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [
        ("08:00", "10:00", True),
        ("08:00", "10:01", False),
        ("10:30", "11:00", False),
        ("09:00", "13:00", False),
        ("11:59", "13:00", False),
        ("12:00", "13:00", True),
    ],
)
def test_a_room_is_held_once_at_a_time(event: Event, start: str, end: str, free: bool) -> None:
    room = make_room(event)
    make_hold(event, room, "10:00", "12:00")
    if free:
        make_hold(event, room, start, end)
    else:
        with pytest.raises(places.RoomTaken):
            make_hold(event, room, start, end)


@pytest.mark.parametrize(("state", "named"), [("live", True), ("draft", False)])
def test_a_refusal_names_only_an_event_that_the_reader_may_know(
    event: Event, organizer: User, state: str, named: bool
) -> None:
    room = make_room(event)
    other = make_event(name="Secret Summit", state=state)
    places.attach_room(event=other, room=room, actor=None, now=NOW)
    make_hold(other, room)
    start = datetime(2027, 6, 7, 9, tzinfo=event.tz)
    with pytest.raises(places.RoomTaken) as refusal:
        places.hold_room(event=event, room=room, start=start, end=start.replace(hour=10), actor=organizer, now=NOW)
    message = str(refusal.value.problems[0].message)
    assert ("Secret Summit" in message) is named
    assert ("another event" in message) is not named
    assert "Mon, 7 Jun, 08:00" in message


def test_a_hold_ends_after_it_begins_in_a_room_of_the_event(event: Event) -> None:
    room = make_room(event)
    start = datetime(2027, 6, 7, 9, tzinfo=event.tz)
    assert refused(places.hold_room, event=event, room=room, start=start, end=start) == [
        ("ends_before_it_starts", "end")
    ]
    assert refused(places.hold_room, event=make_event(), room=room, start=start, end=start.replace(hour=10)) == [
        ("not_a_room_of_the_event", "room")
    ]


def test_a_released_room_is_free_again(event: Event) -> None:
    room = make_room(event)
    places.release_hold(hold=make_hold(event, room), actor=None, now=NOW)
    make_hold(event, room)
    assert verbs(event)[-3:] == ["room_held", "room_released", "room_held"]


# -- Tracks ------------------------------------------------------------------------------------------------------------


def test_tracks_have_an_order_and_leave_it(event: Event) -> None:
    first, second, third = (make_track(event, name) for name in "ABC")
    tracks.order_tracks(event=event, tracks=[second.pk, first.pk, third.pk], actor=None, now=NOW)
    tracks.delete_track(track=first, actor=None, now=NOW)
    assert [str(track.name) for track in event.tracks.order_by("position")] == ["B", "C"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"colour": "red"}, ("invalid", "colour")),
        ({"name": "x" * 201}, ("max_length", "name")),
        ({"name": ""}, ("required", "name")),
    ],
)
def test_a_track_that_makes_no_sense_is_refused(
    event: Event, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    track = make_track(event)
    assert problem in refused(tracks.update_track, track=track, changes=changes)
