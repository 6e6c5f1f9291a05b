from __future__ import annotations

from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from common.models import AuditEntry
from events import hooks
from events.models import Event, Organisation, Permission
from tests.factories.accounts import make_user
from tests.factories.events import (
    join,
    make_event,
    make_hold,
    make_member,
    make_organisation,
    make_room,
    make_team,
    make_track,
)
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

NEW_EVENT = {
    "name_0": "Food Science Days 2027",
    "kind": "conference",
    "starts_on": "2027-06-07",
    "ends_on": "2027-06-09",
    "time_zone": "Asia/Shanghai",
    "slug": "",
}
ORGANIZER_PAGES = [
    "",
    "details/",
    "state/",
    "rooms/",
    "rooms/new/",
    "venues/new/",
    "holds/",
    "tracks/",
    "tracks/new/",
    "teams/",
]


def details_of(event: Event, **changes: Any) -> dict[str, Any]:
    return {
        "name_0": event.name.data.get("en", ""),
        "name_1": event.name.data.get("zh-hans", ""),
        "kind": event.kind,
        "starts_on": event.starts_on.isoformat(),
        "ends_on": event.ends_on.isoformat(),
        "time_zone": event.time_zone,
        "day_change": "04:00",
        "locales": event.locales,
        "venue": "",
        "accent": event.accent,
        "slug": event.slug,
        **changes,
    }


# -- Who gets where ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ORGANIZER_PAGES)
def test_an_event_is_organized_by_its_organizers_alone(
    event: Event,
    organizer: User,
    stranger: User,
    attendee: User,
    reviewer: User,
    staff: User,
    as_user: AsUser,
    page: str,
) -> None:
    url = f"/organize/food-2027/{page}"
    assert as_user(None).get(url)["Location"] == f"/accounts/login/?next={url}"
    answers = [as_user(user).get(url).status_code for user in (organizer, staff, stranger, attendee)]
    assert answers == [HTTPStatus.OK, HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND]
    # A member who lacks this one permission is told so; the overview is for every member.
    assert as_user(reviewer).get(url).status_code == (HTTPStatus.FORBIDDEN if page else HTTPStatus.OK)


def test_a_member_is_told_which_permission_is_lacking(reviewer: User, as_user: AsUser) -> None:
    page = as_user(reviewer).get("/organize/food-2027/details/").content.decode()
    assert "edit the event, its places and tracks" in page


def test_nested_rows_of_another_event_are_not_found(
    event: Event, organizer: User, stranger: User, as_user: AsUser
) -> None:
    theirs = Event.objects.get(slug="elsewhere-2027")
    room, track = make_room(theirs), make_track(theirs)
    hold = make_hold(theirs, room)
    client = as_user(organizer)
    for path in (
        f"rooms/{room.pk}/",
        f"rooms/{room.pk}/detach/",
        f"venues/{room.venue_id}/",
        f"tracks/{track.pk}/",
        f"tracks/{track.pk}/delete/",
        f"holds/{hold.pk}/release/",
    ):
        assert client.post(f"/organize/food-2027/{path}").status_code == HTTPStatus.NOT_FOUND, path


def test_the_navigation_shows_what_one_may_do(organizer: User, reviewer: User, as_user: AsUser) -> None:
    full = as_user(organizer).get("/organize/food-2027/").content.decode()
    part = as_user(reviewer).get("/organize/food-2027/").content.decode()
    for name in ("details", "rooms", "tracks", "holds", "teams"):
        link = f'href="/organize/food-2027/{name}/"'
        assert (link in full, link in part) == (True, False), name


# -- From nothing to an event ------------------------------------------------------------------------------------------


def test_a_newcomer_makes_an_organisation_and_an_event(attendee: User, as_user: AsUser) -> None:
    client = as_user(attendee)
    assert "Organize your first event" in client.get("/organize/").content.decode()
    assert client.get("/organize/new/")["Location"] == "/organize/organisations/new/"
    answer = client.post("/organize/organisations/new/", {"name_0": "School of Food Science", "kind": "college"})
    assert answer["Location"] == "/organize/organisations/school-of-food-science/"
    host = Organisation.objects.get()
    answer = client.post("/organize/new/", {**NEW_EVENT, "organisation": host.pk})
    assert answer["Location"] == "/organize/food-science-days-2027/"
    event = Event.objects.get()
    assert (event.state, event.locales, event.organisation, str(event.name)) == (
        "draft",
        ["en"],
        host,
        "Food Science Days 2027",
    )
    page = client.get(answer["Location"]).content.decode()
    assert "Describe the event" in page
    assert "made the event" in page


def test_an_event_is_in_the_languages_that_its_name_was_written_in(organizer: User, as_user: AsUser) -> None:
    host = Organisation.objects.get()
    data = {**NEW_EVENT, "organisation": host.pk, "name_1": "2027食品科学日", "slug": "both"}
    as_user(organizer).post("/organize/new/", data)
    data = {**NEW_EVENT, "organisation": host.pk, "name_0": "", "name_1": "2028食品科学日"}
    as_user(organizer).post("/organize/new/", data)
    assert Event.objects.get(slug="both").locales == ["en", "zh-hans"]
    chinese = Event.objects.exclude(slug="both").get()
    # What is left of the name in Latin letters is its year.
    assert (chinese.locales, chinese.slug) == (["zh-hans"], "2028")


def test_nobody_makes_events_for_another_organisation(organizer: User, stranger: User, as_user: AsUser) -> None:
    theirs = Organisation.objects.get(slug="elsewhere")
    page = as_user(organizer).post("/organize/new/", {**NEW_EVENT, "organisation": theirs.pk}).content.decode()
    assert "There is a problem" in page
    assert theirs.events.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name_0": ""}, "Write this in at least one language."),
        ({"name_0": "x" * 301}, "300"),
        ({"name_0": "bell\x07"}, "control character (U+0007)"),
        ({"name_0": "nul\x00"}, "ull characters"),
        ({"ends_on": "2027-06-01"}, "The last day is before the first day."),
        ({"ends_on": "tomorrow"}, "date"),
        ({"starts_on": "99999-01-01"}, "date"),
        ({"slug": "organize"}, "used by the site itself"),
        ({"slug": "../etc"}, "small letters, digits and hyphens"),
        ({"slug": "food-2027"}, "Another event has this address already"),
        ({"time_zone": "Mars/Olympus"}, "available choices"),
        ({"kind": "party"}, "available choices"),
    ],
)
def test_a_bad_event_is_explained_and_what_was_typed_stays(
    event: Event, organizer: User, as_user: AsUser, changes: dict[str, str], words: str
) -> None:
    data = {**NEW_EVENT, "organisation": event.organisation_id, "name_1": "仍在", **changes}
    answer = as_user(organizer).post(
        "/organize/new/", {**data, **({"name_1": ""} if changes == {"name_0": ""} else {})}
    )
    page = answer.content.decode()
    assert answer.status_code == HTTPStatus.OK
    assert words in page
    assert "There is a problem" in page
    assert Event.objects.count() == 1
    if changes != {"name_0": ""}:
        assert "仍在" in page


# -- Details and state -------------------------------------------------------------------------------------------------


def test_details_are_saved_in_every_language(event: Event, organizer: User, as_user: AsUser) -> None:
    data = details_of(
        event, tagline_0="Beside the lake", tagline_1="湖畔", description_0="**Three** days", accent="plum"
    )
    assert as_user(organizer).post("/organize/food-2027/details/", data)["Location"] == "/organize/food-2027/details/"
    event.refresh_from_db()
    assert event.tagline.data == {"en": "Beside the lake", "zh-hans": "湖畔"}
    assert event.accent == "plum"


def test_taking_a_language_off_and_on_again_loses_nothing(event: Event, organizer: User, as_user: AsUser) -> None:
    client = as_user(organizer)
    client.post("/organize/food-2027/details/", details_of(event, locales=["en"]))
    event.refresh_from_db()
    assert event.locales == ["en"]
    client.post("/organize/food-2027/details/", {**details_of(event), "name_1": ""})
    event.refresh_from_db()
    assert event.name.data["zh-hans"] == "2027食品科学日"


def test_a_text_can_be_taken_away_in_a_language_that_is_shown(event: Event, organizer: User, as_user: AsUser) -> None:
    as_user(organizer).post("/organize/food-2027/details/", details_of(event, name_1=""))
    event.refresh_from_db()
    assert event.name.data == {"en": "Food Science Days 2027"}


def test_a_public_address_does_not_change_whatever_is_sent(event: Event, organizer: User, as_user: AsUser) -> None:
    as_user(organizer).post("/organize/food-2027/details/", details_of(event, slug="other"))
    event.refresh_from_db()
    assert event.slug == "food-2027"


@pytest.mark.parametrize(
    ("old", "wanted", "new"),
    [
        ("draft", "live", "live"),
        ("live", "draft", "draft"),
        ("live", "archived", "archived"),
        ("draft", "nonsense", "draft"),
    ],
)
def test_publishing_says_what_happens_and_happens_once(
    organisation: Organisation, organizer: User, as_user: AsUser, old: str, wanted: str, new: str
) -> None:
    event = make_event("mine", organisation=organisation, state="draft")
    Event.objects.filter(pk=event.pk).update(state=old)
    client = as_user(organizer)
    asked = client.get("/organize/mine/state/").content.decode()
    assert ("Everybody can find the event" in asked) == (old == "draft")
    for _ in range(2):
        assert client.post("/organize/mine/state/", {"state": wanted})["Location"] == "/organize/mine/"
    event.refresh_from_db()
    assert event.state == new
    written = AuditEntry.objects.filter(verb__in=["event_published", "event_unpublished", "event_archived"]).count()
    assert written == (0 if new == old else 1)


# -- Rooms, tracks, holds ----------------------------------------------------------------------------------------------


def test_rooms_are_added_changed_ordered_and_taken_out(event: Event, organizer: User, as_user: AsUser) -> None:
    client = as_user(organizer)
    for name in ("Great Hall", "Room A"):
        client.post(
            "/organize/food-2027/rooms/new/",
            {"name_0": name, "capacity": "80", "equipment": "projector, microphone，hybrid、 projector"},
        )
    hall, other = (row.room for row in event.event_rooms.order_by("position"))
    assert hall.equipment == ["projector", "microphone", "hybrid"]
    client.post("/organize/food-2027/rooms/order/", {"item": other.pk, "to": "up"})
    assert [row.room for row in event.event_rooms.order_by("position")] == [other, hall]
    client.post(
        f"/organize/food-2027/rooms/{hall.pk}/", {"name_0": "Grand Hall", "capacity": "", "venue": hall.venue_id}
    )
    hall.refresh_from_db()
    assert (str(hall.name), hall.capacity, hall.equipment) == ("Grand Hall", None, [])
    make_hold(event, hall)
    page = client.get(f"/organize/food-2027/rooms/{hall.pk}/detach/").content.decode()
    assert "Release its holds first." in page
    client.post(f"/organize/food-2027/rooms/{other.pk}/detach/")
    assert [row.room for row in event.event_rooms.all()] == [hall]


def test_a_room_of_the_campus_is_used_by_choosing_it(event: Event, organizer: User, as_user: AsUser) -> None:
    hall = make_room(make_event(), "Great Hall")
    client = as_user(organizer)
    assert "Great Hall" in client.get("/organize/food-2027/rooms/").content.decode()
    client.post("/organize/food-2027/rooms/attach/", {"room": hall.pk})
    assert event.rooms.get() == hall
    client.post(f"/organize/food-2027/rooms/{hall.pk}/", {"name_0": "Mine"})
    hall.refresh_from_db()
    assert str(hall.name) == "Great Hall"


def test_a_new_venue_is_the_events_from_then_on(event: Event, organizer: User, as_user: AsUser) -> None:
    make_room(event)
    data = {"name_0": "Library", "name_1": "图书馆", "map_url": "example.org/map", "use": "1"}
    as_user(organizer).post("/organize/food-2027/venues/new/", data)
    event.refresh_from_db()
    assert event.venue is not None
    assert (str(event.venue.name), event.venue.map_url) == ("Library", "https://example.org/map")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "ftp://example.org"])
def test_a_link_to_a_map_is_a_web_address(event: Event, organizer: User, as_user: AsUser, url: str) -> None:
    page = as_user(organizer).post("/organize/food-2027/venues/new/", {"name_0": "Library", "map_url": url})
    assert "There is a problem" in page.content.decode()
    assert event.organisation.venues.count() == 0


def test_tracks_are_added_changed_ordered_and_deleted(event: Event, organizer: User, as_user: AsUser) -> None:
    client = as_user(organizer)
    for name in ("Proteins", "Fermentation"):
        client.post("/organize/food-2027/tracks/new/", {"name_0": name, "colour": "#123456"})
    first, second = event.tracks.order_by("position")
    client.post("/organize/food-2027/tracks/order/", {"item": second.pk, "to": "up"})
    client.post("/organize/food-2027/tracks/order/", {"item": second.pk, "to": "up"})
    assert [track.pk for track in event.tracks.order_by("position")] == [second.pk, first.pk]
    client.post(f"/organize/food-2027/tracks/{first.pk}/", {"name_0": "New proteins", "colour": "#abcdef"})
    first.refresh_from_db()
    assert (str(first.name), first.colour) == ("New proteins", "#abcdef")
    assert "No session is in it." in client.get(f"/organize/food-2027/tracks/{first.pk}/delete/").content.decode()
    client.post(f"/organize/food-2027/tracks/{first.pk}/delete/")
    assert event.tracks.get() == second


def test_rooms_are_held_in_the_events_own_time(event: Event, organizer: User, as_user: AsUser) -> None:
    room = make_room(event, "Great Hall")
    client = as_user(organizer)
    data = {"room": room.pk, "start": "2027-06-07T08:00", "end": "2027-06-08T00:00", "note": "Set-up"}
    assert client.post("/organize/food-2027/holds/", data)["Location"] == "/organize/food-2027/holds/"
    hold = event.room_holds.get()
    assert hold.period.lower.isoformat() == "2027-06-07T00:00:00+00:00"
    page = client.post("/organize/food-2027/holds/", data).content.decode()
    assert "Great Hall is taken by Food Science Days 2027 from Mon, 7 Jun, 08:00 to Tue, 8 Jun, 00:00." in page
    client.post(f"/organize/food-2027/holds/{hold.pk}/release/")
    assert not event.room_holds.exists()


@pytest.mark.parametrize(("state", "named"), [("live", True), ("draft", False)])
def test_others_in_ones_rooms_are_named_only_where_one_may_know(
    event: Event, organizer: User, as_user: AsUser, state: str, named: bool
) -> None:
    room = make_room(event)
    other = make_event(name="Secret Summit", state=state)
    other.rooms.add(room)
    make_hold(other, room)
    page = as_user(organizer).get("/organize/food-2027/holds/").content.decode()
    assert ("Secret Summit" in page) is named
    assert ("another event" in page) is not named


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("", ""),
        ("2027-06-07T10:00", "2027-06-07T09:00"),
        ("0001-01-01T00:00", "9999-12-31T23:59"),
        ("x", "2027-06-07T09:00"),
    ],
)
def test_a_bad_hold_is_explained(event: Event, organizer: User, as_user: AsUser, start: str, end: str) -> None:
    room = make_room(event)
    answer = as_user(organizer).post("/organize/food-2027/holds/", {"room": room.pk, "start": start, "end": end})
    assert answer.status_code == HTTPStatus.OK
    assert "form-errors" in answer.content.decode()
    assert not event.room_holds.exists()


# -- Dashboard ---------------------------------------------------------------------------------------------------------


def test_the_dashboard_says_what_comes_next_to_those_who_may_do_it(
    event: Event, organizer: User, reviewer: User, as_user: AsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    section: hooks.DashboardSection = {
        "steps": [
            {"label": "Open registration", "done": False, "url": "/x/", "permission": Permission.MANAGE_REGISTRATIONS}
        ],
        "numbers": [
            {"label": "Sessions", "value": 61, "url": "/y/", "permission": Permission.EDIT_PROGRAMME, "note": "of 70"}
        ],
    }
    monkeypatch.setattr(hooks, "dashboard_sections", [lambda event: section])
    full = as_user(organizer).get("/organize/food-2027/").content.decode()
    part = as_user(reviewer).get("/organize/food-2027/").content.decode()
    assert ("Open registration" in full, "Open registration" in part) == (True, False)
    assert ("61" in full, "61" in part) == (True, True)
    assert ("Invite your team" in full, "Invite your team" in part) == (True, False)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("2027-06-05T20:00Z", "It begins tomorrow."),
        ("2027-06-06T16:30Z", "It is going on."),
        ("2027-06-09T15:59Z", "It is going on."),
        ("2027-06-09T16:01Z", "It is over."),
        ("2027-05-07T00:00Z", "It begins in 31 days."),
    ],
)
def test_days_are_counted_in_the_events_zone(
    event: Event, organizer: User, as_user: AsUser, now: str, words: str
) -> None:
    client = as_user(organizer)
    with time_machine.travel(now, tick=False):
        client.force_login(organizer)
        assert words in client.get("/organize/food-2027/").content.decode()


# -- Query counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item_count", [1, 3])
@pytest.mark.parametrize(
    ("page", "queries"),
    [
        ("/", 4),
        ("/organize/", 6),
        ("/organize/food-2027/rooms/", 8),
        ("/organize/food-2027/tracks/", 6),
        ("/organize/food-2027/holds/", 12),
        ("/organize/food-2027/teams/", 13),
        ("/organize/organisations/food-science/", 11),
        ("/me/", 5),
    ],
)
def test_lists_take_as_many_queries_for_one_row_as_for_three(
    event: Event,
    organizer: User,
    as_user: AsUser,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
    page: str,
    queries: int,
    item_count: int,
) -> None:
    other = make_event()
    for number in range(item_count):
        room = make_room(event)
        make_hold(event, room)
        other.rooms.add(room)
        make_hold(other, room, "19:00", "21:00")
        make_track(event)
        team = make_team(event.organisation, [Permission.EDIT_PROGRAMME], events=[event])
        join(team, make_user())
        make_event(organisation=event.organisation, starts_on=date(2028, 1 + number, 1))
    client = as_user(organizer)
    with django_assert_max_num_queries(queries):
        assert client.get(page).status_code == HTTPStatus.OK


def test_the_dashboard_takes_as_many_queries_with_more_history(
    event: Event,
    organizer: User,
    as_user: AsUser,
    django_assert_num_queries: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hooks, "dashboard_sections", [])
    client = as_user(organizer)
    make_room(event)
    with django_assert_num_queries(10):
        client.get("/organize/food-2027/")
    for _ in range(3):
        make_hold(event, make_room(event))
        make_member(event, Permission.EDIT_EVENT)
    with django_assert_num_queries(10):
        client.get("/organize/food-2027/")


def test_organisations_are_seen_by_their_members_and_changed_by_those_who_edit_all_events(
    event: Event, organizer: User, reviewer: User, stranger: User, as_user: AsUser
) -> None:
    url = "/organize/organisations/food-science/"
    codes = [as_user(user).get(url).status_code for user in (organizer, reviewer, stranger)]
    assert codes == [HTTPStatus.OK, HTTPStatus.OK, HTTPStatus.NOT_FOUND]
    codes = [as_user(user).get(f"{url}edit/").status_code for user in (organizer, reviewer, stranger)]
    assert codes == [HTTPStatus.OK, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND]
    as_user(organizer).post(f"{url}edit/", {"name_0": "School of Brewing", "kind": "college"})
    assert str(Organisation.objects.get(slug="food-science").name) == "School of Brewing"


def test_a_page_of_a_client_that_is_signed_in_nowhere_is_never_shown(client: Client) -> None:
    make_organisation()
    for url in ("/organize/", "/organize/new/", "/organize/organisations/new/", "/organize/nothing/"):
        assert client.get(url)["Location"] == f"/accounts/login/?next={url}"
