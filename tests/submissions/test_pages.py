"""Sessions and speakers in the organizer's pages."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from events.models import Event
from scheduling.services import releases
from submissions.models import Speaker, Submission
from tests.data import shared
from tests.factories import scheduling as make
from tests.factories.events import make_track
from tests.factories.scheduling import NOW, at
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

TALK = {"title_0": "Kefir grains", "kind": "talk", "state": "accepted", "duration_minutes": "30", "speakers": ""}


@pytest.fixture
def organize(as_user: AsUser, reviewer: User) -> Client:
    """May edit the programme, and nothing else."""
    return as_user(reviewer)


def page(client: Client, path: str, expected: int = 200) -> str:
    response = client.get(f"/organize/food-2027/{path}")
    assert response.status_code == expected, path
    return response.content.decode()


def post(client: Client, path: str, **values: Any) -> Any:
    return client.post(f"/organize/food-2027/{path}", values)


def test_a_session_is_added_with_known_and_new_speakers_in_order(organize: Client, event: Event) -> None:
    known = make.make_speaker(event, "Wang Fang")
    track = make_track(event)
    assert "No sessions yet" in page(organize, "sessions/")
    values = {
        **TALK,
        "title_1": "开菲尔",
        "speakers": "José Núñez\n  wang fang \n",
        "track": track.pk,
        "language": "en",
    }
    assert post(organize, "sessions/new/", **values).status_code == 302
    made = Submission.objects.get(event=event)
    speakers = [talk.speaker for talk in made.talks.order_by("position")]
    assert [speaker.name for speaker in speakers] == ["José Núñez", "Wang Fang"]
    assert speakers[1] == known
    assert (made.title.localize("zh-hans"), made.track, made.duration.total_seconds()) == ("开菲尔", track, 1800)
    assert "Kefir grains" in page(organize, "sessions/")


def test_speakers_of_one_name_are_told_apart_by_code(organize: Client, event: Event) -> None:
    one, two = make.make_speaker(event, "Li Na"), make.make_speaker(event, "Li Na")
    refused = post(organize, "sessions/new/", **{**TALK, "speakers": "Li Na"}).content.decode()
    assert "2 speakers are called Li Na." in refused
    assert f"Li Na [{two.code}]" in refused
    assert not Submission.objects.exists()
    assert post(organize, "sessions/new/", **{**TALK, "speakers": f"Li Na [{two.code}]"}).status_code == 302
    made = Submission.objects.get()
    assert list(made.speakers.all()) == [two]
    assert f"Li Na [{two.code}]" in page(organize, f"sessions/{made.code}/")
    assert one.code not in page(organize, f"sessions/{made.code}/")


def test_a_refused_form_adds_no_speaker_and_keeps_what_was_typed(organize: Client, event: Event) -> None:
    values = {**TALK, "speakers": "Somebody New\nLi Na [ZZZZZZ]", "abstract_0": "Half <written>"}
    text = post(organize, "sessions/new/", **values).content.decode()
    assert "Nobody here has the code" in text
    assert "Half &lt;written&gt;" in text
    assert "Somebody New" in text
    assert not Speaker.objects.filter(event=event).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"title_0": ""},
        {"title_0": "x" * 501},
        {"title_0": "bell\x07"},
        {"kind": "lecture"},
        {"state": "gone"},
        {"duration_minutes": "-1"},
        {"duration_minutes": "soon"},
        {"duration_minutes": "99999999999"},
        {"track": "999"},
        {"language": "klingon"},
        {"url": "javascript:alert(1)"},
        {"speakers": "x" * 201},
        {"speakers": "nul\x00"},
    ],
)
def test_bad_input_is_answered_beside_its_field(organize: Client, event: Event, wrong: dict[str, str]) -> None:
    answer = post(organize, "sessions/new/", **{**TALK, **wrong})
    assert answer.status_code == 200
    assert "form-errors" in answer.content.decode()
    assert not Submission.objects.exists()


def test_a_session_is_changed(organize: Client, event: Event) -> None:
    made = make.make_talk(event, "Kefir", "09:00").submission
    assert made
    assert post(organize, f"sessions/{made.code}/", **{**TALK, "title_0": "Kefir, again"}).status_code == 302
    made.refresh_from_db()
    assert str(made.title) == "Kefir, again"
    assert not made.talks.exists()


def test_a_session_that_readers_know_is_cancelled_and_another_deleted(organize: Client, event: Event) -> None:
    known, unknown = (
        make.make_talk(event, title, clock).submission for title, clock in (("A", "09:00"), ("B", "11:00"))
    )
    assert known
    assert unknown
    unknown.slots.all().delete()
    releases.release(event=event, version="1.0", actor=None, now=NOW)
    assert "marked as cancelled" in page(organize, f"sessions/{known.code}/delete/")
    for row in (known, unknown):
        assert post(organize, f"sessions/{row.code}/delete/").status_code == 302
    known.refresh_from_db()
    assert known.state == "cancelled"
    assert not Submission.objects.filter(pk=unknown.pk).exists()


def test_sessions_are_found_and_narrowed(organize: Client, event: Event) -> None:
    placed = make.make_talk(
        event, "Kefir grains", "09:00", speakers=[make.make_speaker(event, "José Núñez")]
    ).submission
    post(organize, "sessions/new/", **{**TALK, "title_0": "米酒", "title_1": "", "kind": "poster"})
    loose = Submission.objects.get(kind="poster")
    assert placed
    for query, expected in (
        ("q=kefir", {placed}),
        ("q=jose", {placed}),
        ("q=米酒", {loose}),
        (f"q={loose.code}", {loose}),
        ("kind=poster", {loose}),
        ("placed=yes", {placed}),
        ("placed=no", {loose}),
        ("placed=maybe&track=x&kind=y", {placed, loose}),
    ):
        text = page(organize, f"sessions/?{query}")
        assert {row for row in (placed, loose) if f"/sessions/{row.code}/" in text} == expected, query
    assert "No session fits" in page(organize, "sessions/?q=nothing-like-it")


def test_a_speaker_is_added_changed_and_deleted(organize: Client, event: Event) -> None:
    values = {"name": "Amara Okafor", "email": "amara@example.org", "country": "NG", "biography_0": "Yeasts."}
    assert post(organize, "speakers/new/", **values).status_code == 302
    speaker = Speaker.objects.get(event=event)
    assert speaker.person
    assert speaker.person.email == "amara@example.org"
    assert 'value="amara@example.org"' in page(organize, f"speakers/{speaker.code}/")
    assert post(organize, f"speakers/{speaker.code}/", name="Amara O.", email="").status_code == 302
    speaker.refresh_from_db()
    assert (speaker.name, speaker.person) == ("Amara O.", None)
    assert "Amara O." in page(organize, "speakers/?address=none")
    assert post(organize, f"speakers/{speaker.code}/delete/").status_code == 302
    assert not Speaker.objects.exists()


def test_a_speaker_with_sessions_is_not_deleted(organize: Client, event: Event) -> None:
    speaker = make.make_speaker(event, "Li Na")
    make.make_talk(event, "Kefir", "09:00", speakers=[speaker])
    assert "is named by sessions" in post(organize, f"speakers/{speaker.code}/delete/").content.decode()
    assert Speaker.objects.filter(pk=speaker.pk).exists()


@pytest.mark.parametrize("path", ["sessions/", "speakers/", "sessions/?q=talk", "speakers/?q=person"])
def test_lists_take_as_many_queries_for_one_row_as_for_thirty(organize: Client, event: Event, path: str) -> None:
    counted = []
    for number in (1, 2, 27):
        for _ in range(number):
            make.make_talk(event, "Talk", "09:00")
        with CaptureQueriesContext(connection) as queries:
            page(organize, path)
        counted.append(len(queries))
    assert counted[0] == counted[1] == counted[2]
    assert counted[0] <= 15


def test_what_belongs_to_another_event_is_not_here(organize: Client, event: Event) -> None:
    other = make.make_event("other")
    slot = make.make_talk(other, "Secret", "09:00")
    code, speaker = slot.submission.code, slot.submission.speakers.get().code
    for path in (
        f"sessions/{code}/",
        f"sessions/{code}/delete/",
        f"speakers/{speaker}/",
        f"speakers/{speaker}/delete/",
    ):
        page(organize, path, 404)
        assert post(organize, path, **TALK).status_code == 404


def test_nasty_words_are_shown_as_typed(organize: Client, event: Event) -> None:
    strings = [text for text in json.loads(shared("nasty/blns.json").read_text()) if text.strip()][:150]
    kept = 0
    for text in strings:
        answer = post(organize, "sessions/new/", **{**TALK, "title_0": text, "abstract_0": text})
        assert answer.status_code in {200, 302}, text
        kept += answer.status_code == 302
    assert kept > 0.9 * len(strings)
    for number in (1, 2, 3):
        assert "<script>alert" not in page(organize, f"sessions/?page={number}")


def test_an_organizer_writes_down_when_a_speaker_can_come(organize: Client, event: Event) -> None:
    speaker = make.make_speaker(event, "Li Na")
    address = f"/organize/{event.slug}/speakers/{speaker.code}/"
    first, second, third = (event.starts_on + timedelta(days=number) for number in range(3))
    said = f"{second} 13:00 – {third} 01:00\n{first} 9:00-12:30\n"
    form = {"name": "Li Na", "email": speaker.email, "availability": said}

    assert organize.post(address, form).status_code == 302

    assert [(row.starts_at, row.ends_at) for row in speaker.availabilities.all()] == [
        (at(event, "09:00"), at(event, "12:30")),
        (at(event, "13:00", day=1), at(event, "01:00", day=2)),
    ]
    shown = organize.get(address).content.decode()
    assert f"{first} 09:00 – 12:30\n{second} 13:00 – {third} 01:00" in shown
    assert organize.post(address, {**form, "availability": ""}).status_code == 302
    assert not speaker.availabilities.exists()


@pytest.mark.parametrize("line", ["mornings", "2027-06-07", "2027-06-31 09:00 – 10:00", "2027-06-07 10:00 – 09:00"])
def test_a_stretch_of_time_that_cannot_be_read_is_named_and_nothing_is_lost(
    organize: Client, event: Event, line: str
) -> None:
    speaker = make.make_speaker(event, "Li Na")
    address = f"/organize/{event.slug}/speakers/{speaker.code}/"

    answer = organize.post(address, {"name": "Na Li", "availability": f"2027-06-07 09:00 – 12:30\n{line}"})

    assert answer.status_code == 200
    page = answer.content.decode()
    assert line in page
    assert "Na Li" in page
    assert not speaker.availabilities.exists()
