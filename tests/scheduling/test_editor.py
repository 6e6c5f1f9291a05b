"""The draft in the organizer's pages: place, move, remove, publish."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from events.models import Event, Permission
from notifications.models import Message
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.services import slots
from scheduling.views.releases import next_version
from tests.factories import scheduling as make
from tests.factories.events import make_member
from tests.factories.scheduling import NOW, at
from tests.personae import AsUser

pytestmark = pytest.mark.django_db


@pytest.fixture
def organize(as_user: AsUser, organizer: User) -> Client:
    return as_user(organizer)


@pytest.fixture
def edit(as_user: AsUser, reviewer: User) -> Client:
    """May edit the programme, and publish nothing."""
    return as_user(reviewer)


def page(client: Client, path: str, expected: int = 200) -> str:
    response = client.get(f"/organize/food-2027/{path}")
    assert response.status_code == expected, path
    return response.content.decode()


def post(client: Client, path: str, **values: Any) -> Any:
    return client.post(f"/organize/food-2027/{path}", values)


def form(event: Event, **changes: Any) -> dict[str, Any]:
    return {"kind": "talk", "day": event.starts_on.isoformat(), "starts": "09:00", "title_0": "", **changes}


# -- Placing -----------------------------------------------------------------------------------------------------------


def test_a_session_is_placed_for_as_long_as_it_lasts(edit: Client, event: Event) -> None:
    room = make.make_room(event, "Hall A")
    session = make.make_submission(event, "Kefir")
    assert "Kefir" in page(edit, "schedule/")
    answer = post(edit, "schedule/place/", **form(event, submission=session.pk, room=room.pk))
    slot = Slot.objects.get()
    assert answer["Location"] == f"/organize/food-2027/schedule/?day={event.starts_on}"
    assert (slot.starts_at, slot.duration, slot.room) == (at(event, "09:00"), session.duration, room)
    text = page(edit, "schedule/")
    assert "Every accepted session has its place." in text
    assert "09:00 – 09:30" in text


@pytest.mark.parametrize("kind", SlotKind.values)
def test_every_kind_of_slot_can_be_placed(edit: Client, event: Event, kind: str) -> None:
    answer = post(edit, "schedule/place/", **form(event, kind=kind, title_0="Something", ends="10:30"))
    assert answer.status_code == 302
    slot = Slot.objects.get()
    assert (slot.kind, slot.ends_at) == (kind, at(event, "10:30"))


def test_the_address_fills_the_form_in(edit: Client, event: Event) -> None:
    room = make.make_room(event, "Hall A")
    session = make.make_submission(event, "Kefir")
    last = event.ends_on.isoformat()
    text = page(edit, f"schedule/place/?day={last}&room={room.pk}&start=14:30&session={session.code}")
    assert 'value="14:30"' in text
    for value in (room.pk, session.pk, last):
        assert f'<option value="{value}" selected>' in text


def test_one_in_the_morning_belongs_to_the_night_of_the_day(edit: Client, event: Event) -> None:
    post(edit, "schedule/place/", **form(event, title_0="Late", starts="23:30", ends="01:00"))
    slot = Slot.objects.get()
    assert slot.ends_at == at(event, "01:00", day=1)
    post(edit, "schedule/place/", **form(event, title_0="Later", starts="01:30"))
    assert Slot.objects.order_by("starts_at").last().starts_at == at(event, "01:30", day=1)  # type: ignore[union-attr]
    assert page(edit, f"schedule/?day={event.starts_on}").count("Later") > 0


def test_an_hour_that_the_clocks_leave_out_is_refused(edit: Client, event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(
        time_zone="Europe/Berlin", starts_on="2027-03-27", ends_on="2027-03-28", day_change="00:00"
    )
    answer = post(edit, "schedule/place/", kind="talk", day="2027-03-28", starts="02:30", title_0="Gone")
    assert "The clocks go forward that night" in answer.content.decode()
    assert not Slot.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"title_0": ""}, "A slot without a session needs a title."),
        ({"starts": ""}, "form-errors"),
        ({"starts": "25:00"}, "form-errors"),
        ({"day": "1999-01-01"}, "form-errors"),
        ({"room": "999999"}, "form-errors"),
        ({"submission": "999999"}, "form-errors"),
        ({"kind": "sermon"}, "form-errors"),
        ({"board": "P1"}, "Only what stands in a poster session has a board."),
        ({"title_0": "x" * 301}, "form-errors"),
        ({"title_0": "bell\x07"}, "form-errors"),
    ],
)
def test_bad_input_is_answered_and_changes_nothing(
    edit: Client, event: Event, wrong: dict[str, str], words: str
) -> None:
    answer = post(edit, "schedule/place/", **{**form(event, title_0="Tea <b>"), **wrong})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert words in text
    assert not Slot.objects.exists()
    if "title_0" not in wrong:
        assert 'value="Tea &lt;b&gt;"' in text


# -- Moving and removing -----------------------------------------------------------------------------------------------


def hidden(text: str) -> str:
    return re.findall(r'name="seen" value="([^"]+)"', text)[0]


def test_a_slot_is_moved_with_what_it_holds(edit: Client, event: Event) -> None:
    hall, other = make.make_room(event, "Hall A"), make.make_room(event, "Hall B")
    block = slots.place_slot(
        event=event, kind="block", title="Ferments", room=hall, starts_at=at(event, "09:00"),
        ends_at=at(event, "10:00"), actor=None, now=NOW,
    )  # fmt: skip
    make.make_talk(event, "Kefir", "09:30", room=hall, parent=block)
    seen = hidden(page(edit, f"schedule/slots/{block.pk}/"))
    values = form(event, kind="block", title_0="Ferments", room=other.pk, starts="14:00", ends="15:00", seen=seen)
    assert post(edit, f"schedule/slots/{block.pk}/", **values).status_code == 302
    child = block.children.get()
    assert (child.starts_at, child.room) == (at(event, "14:30"), other)
    assert "Ferments" in page(edit, f"schedule/slots/{child.pk}/")


def test_what_somebody_else_moved_meanwhile_is_not_moved_blindly(edit: Client, event: Event) -> None:
    slot = make.make_talk(event, "Kefir", "09:00")
    seen = hidden(page(edit, f"schedule/slots/{slot.pk}/"))
    slots.move_slot(slot=slot, changes={"starts_at": at(event, "11:00")}, actor=None, now=NOW)
    values = form(event, submission=slot.submission_id, room=slot.room_id, starts="16:00", ends="16:30", seen=seen)
    answer = post(edit, f"schedule/slots/{slot.pk}/", **values).content.decode()
    assert "Somebody moved “Kefir” meanwhile." in answer
    assert 'value="16:00"' in answer
    slot.refresh_from_db()
    assert slot.starts_at == at(event, "11:00")
    values["seen"] = hidden(answer)
    assert post(edit, f"schedule/slots/{slot.pk}/", **values).status_code == 302
    slot.refresh_from_db()
    assert slot.starts_at == at(event, "16:00")


def test_a_locked_slot_stays(edit: Client, event: Event) -> None:
    slot = make.make_talk(event, "Kefir", "09:00", locked=True)
    assert "is locked where it is." in post(edit, f"schedule/slots/{slot.pk}/remove/").content.decode()
    assert Slot.objects.filter(pk=slot.pk).exists()


def test_a_removed_session_waits_for_another_place(edit: Client, event: Event) -> None:
    slot = make.make_talk(event, "Kefir", "09:00")
    assert "can be placed again" in page(edit, f"schedule/slots/{slot.pk}/remove/")
    assert post(edit, f"schedule/slots/{slot.pk}/remove/").status_code == 302
    assert f"session={slot.submission.code}" in page(edit, "schedule/")
    page(edit, f"schedule/slots/{slot.pk}/", 404)


def test_conflicts_stand_beside_the_draft_with_their_slots(edit: Client, event: Event) -> None:
    room = make.make_room(event, "Hall A")
    first, second = (make.make_talk(event, title, "09:00", room=room) for title in ("Kefir", "Vinegar"))
    text = page(edit, "schedule/")
    assert "1 serious conflict" in text
    assert "Hall A has “Kefir” and “Vinegar” at the same time." in text
    for slot in (first, second):
        assert f"/schedule/slots/{slot.pk}/" in text


def test_the_page_takes_as_many_queries_for_three_slots_as_for_sixty(edit: Client, event: Event) -> None:
    rooms = [make.make_room(event) for _ in range(3)]
    counted = []
    for number in (3, 57):
        for index in range(number):
            make.make_talk(event, f"Talk {index}", "09:00", room=rooms[index % 2])
        make.make_submission(event, "Waits")
        with CaptureQueriesContext(connection) as queries:
            page(edit, "schedule/")
        counted.append(len(queries))
    assert counted[0] == counted[1]
    assert counted[0] <= 25


def test_slots_of_other_events_and_of_releases_are_not_here(edit: Client, organize: Client, event: Event) -> None:
    other = make.make_talk(make.make_event("other"), "Secret", "09:00")
    make.make_talk(event, "Kefir", "09:00")
    post(organize, "releases/", version="1.0")
    released = Slot.objects.get(schedule__version="1.0")
    for slot in (other, released):
        for path in (f"schedule/slots/{slot.pk}/", f"schedule/slots/{slot.pk}/remove/"):
            page(edit, path, 404)
            assert post(edit, path).status_code == 404


# -- Publishing --------------------------------------------------------------------------------------------------------


def test_a_version_is_published_and_its_speakers_are_told(organize: Client, client: Client, event: Event) -> None:
    make.make_talk(event, "Kefir", "09:00", speakers=[make.make_speaker(event, "Li Na", email="li.na@example.org")])
    text = page(organize, "releases/")
    assert "1 mail to those concerned goes out with it." in text
    assert 'value="1.0"' in text
    assert post(organize, "releases/", version="1.0", comment="First.").status_code == 302
    assert Schedule.objects.current().get().version == "1.0"
    assert [message.recipient_email for message in Message.objects.all()] == ["li.na@example.org"]
    text = page(organize, "releases/")
    assert "public now" in text
    assert "has changed since the last version" in text
    assert 'value="1.1"' in text
    assert "Kefir" in client.get("/food-2027/schedule/").content.decode()


def test_serious_conflicts_refuse_unless_they_are_meant(organize: Client, event: Event) -> None:
    room = make.make_room(event, "Hall A")
    for title in ("Kefir", "Vinegar"):
        make.make_talk(event, title, "09:00", room=room)
    refused = post(organize, "releases/", version="1.0")
    assert refused.status_code == 200
    assert "Hall A has “Kefir” and “Vinegar” at the same time." in refused.content.decode()
    assert not Schedule.objects.released()
    assert post(organize, "releases/", version="1.0", force="on").status_code == 302
    assert Schedule.objects.released().count() == 1


def test_a_version_has_one_name_and_a_comment_survives_an_error(organize: Client, event: Event) -> None:
    make.make_talk(event, "Kefir", "09:00")
    post(organize, "releases/", version="1.0")
    text = post(organize, "releases/", version="1.0", comment="Written <with> care").content.decode()
    assert "form-errors" in text
    assert "Written &lt;with&gt; care" in text
    assert Schedule.objects.released().count() == 1


def test_whoever_may_not_publish_sees_the_changes_and_no_button(edit: Client, event: Event) -> None:
    make.make_talk(event, "Kefir", "09:00")
    text = page(edit, "releases/")
    assert "Kefir" in text
    assert "Publish this version" not in text
    assert post(edit, "releases/", version="1.0").status_code == 403
    assert not Schedule.objects.released()


def test_the_preview_is_the_page_to_come_for_editors_alone(edit: Client, as_user: AsUser, event: Event) -> None:
    page(edit, "schedule/preview/", 302)
    make.make_talk(event, "Kefir", "09:00")
    response = edit.get("/organize/food-2027/schedule/preview/")
    text = response.content.decode()
    assert "Kefir" in text
    assert "This is the draft" in text
    assert response["X-Robots-Tag"] == "noindex"
    assert "no-store" in response["Cache-Control"]
    assert ".plan" in page(edit, "schedule/preview/grid.css")
    page(as_user(None), "schedule/preview/", 302)
    reader = as_user(make_member(event, Permission.SEE_REGISTRATIONS, email="reader@example.org"))
    page(reader, "schedule/preview/", 403)


def test_releases_take_as_many_queries_for_three_changes_as_for_thirty(organize: Client, event: Event) -> None:
    counted = []
    for number in (3, 27):
        for index in range(number):
            make.make_talk(event, f"Talk {index}", "09:00")
        with CaptureQueriesContext(connection) as queries:
            page(organize, "releases/")
        counted.append(len(queries))
    assert counted[0] == counted[1]


@pytest.mark.parametrize(
    ("latest", "expected"),
    [("1.0", "1.1"), ("1.9", "1.10"), ("2", "3"), ("draft-march", "draft-march-2"), ("v3 final", "v4 final")],
)
def test_the_next_version_is_proposed(latest: str, expected: str) -> None:
    assert next_version([Schedule(version=latest)]) == expected
    assert next_version([]) == "1.0"
