"""Bringing a programme in through the browser: look first, then take it over."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from events.models import Event
from scheduling.models import Slot
from submissions.models import Speaker, Submission
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

ADDRESS = "/organize/food-2027/import/"
CSV = (
    "id,title,room,date,start,duration,speakers\n"
    "1,Kefir,Hall A,2027-06-07,09:00,30,Wang Fang (江南大学)\n"
    "2,<b>Vinegar</b>,Hall A,2027-06-07,10:00,30,José Núñez\n"
    "3,Lost,Hall A,2027-06-07,when?,30,\n"
)


@pytest.fixture
def edit(as_user: AsUser, reviewer: User) -> Client:
    return as_user(reviewer)


def upload(client: Client, content: bytes, name: str = "programme.csv") -> Any:
    return client.post(ADDRESS, {"file": SimpleUploadedFile(name, content)})


def packed(text: str) -> str:
    return re.findall(r'name="packed" value="([^"]+)"', text)[0]


def test_a_file_is_looked_at_before_it_changes_anything(edit: Client, event: Event) -> None:
    assert edit.get(ADDRESS).status_code == 200
    text = upload(edit, CSV.encode()).content.decode()
    assert "What the file would change" in text
    assert "line 4" in text
    assert not Submission.objects.exists()

    answer = edit.post(ADDRESS, {"packed": packed(text), "name": "programme.csv"}, follow=True)

    assert "2 sessions added" in answer.content.decode()
    assert sorted(str(row.title) for row in Submission.objects.all()) == ["<b>Vinegar</b>", "Kefir"]
    assert Slot.objects.count() == 2


def test_the_same_file_again_has_nothing_to_take_over(edit: Client, event: Event) -> None:
    for _ in range(2):
        text = upload(edit, gzip.compress(CSV.encode()), "programme.csv.gz").content.decode()
        edit.post(ADDRESS, {"packed": packed(text), "name": "programme.csv.gz"})
    assert Submission.objects.count() == 2
    assert "The draft is the same already" in upload(edit, CSV.encode()).content.decode()


@pytest.mark.parametrize(
    "content",
    [b"", b"no programme at all", b"<schedule><conference>", b'{"schedule": 1}', b"\x00\xff\x00" * 50, b"\x1f\x8bnope"],
)
def test_what_is_no_programme_is_said_beside_the_field(edit: Client, event: Event, content: bytes) -> None:
    answer = upload(edit, content)
    assert answer.status_code == 200
    assert "form-errors" in answer.content.decode()
    assert not Submission.objects.exists()


@pytest.mark.parametrize("value", ["", "nonsense", "eJwDAAAAAAE=", "x" * 1000])
def test_a_tampered_second_step_changes_nothing(edit: Client, event: Event, value: str) -> None:
    answer = edit.post(ADDRESS, {"packed": value, "name": "x"})
    assert answer.status_code == 200
    assert "form-errors" in answer.content.decode()
    assert not Submission.objects.exists()


def test_strangers_find_no_page(as_user: AsUser, stranger: User, attendee: User, event: Event) -> None:
    for who in (stranger, attendee):
        assert as_user(who).get(ADDRESS).status_code == 404
        assert upload(as_user(who), CSV.encode()).status_code == 404


def test_the_preview_tells_session_by_session_what_is_there_and_what_comes(edit: Client, event: Event) -> None:
    text = upload(edit, CSV.encode()).content.decode()
    assert "Session by session" in text
    assert text.count(">Added<") >= 2
    edit.post(ADDRESS, {"packed": packed(text), "name": "programme.csv"})
    later = CSV.replace("Kefir,Hall A,2027-06-07,09:00", "Kefir and tea,Hall B,2027-06-07,09:15")
    later = "".join(line for line in later.splitlines(keepends=True) if not line.startswith("2,"))

    text = upload(edit, later.encode()).content.decode()

    assert "<del>Kefir</del> → <ins>Kefir and tea</ins>" in text
    assert "<del>2027-06-07 09:00–09:30</del> → <ins>2027-06-07 09:15–09:45</ins>" in text
    assert "<del>Hall A</del> → <ins>Hall B</ins>" in text
    assert "It is no longer in the file." in text
    assert "&lt;b&gt;Vinegar&lt;/b&gt;" in text


def test_a_long_programme_is_listed_in_part_and_the_rest_counted(edit: Client, event: Event) -> None:
    rows = [f"{n},Talk {n},Hall A,2027-06-07,09:00,30," for n in range(230)]
    text = upload(edit, (CSV.splitlines()[0] + "\n" + "\n".join(rows)).encode()).content.decode()
    assert "Talk 199<" in text
    assert "Talk 200<" not in text
    assert "30 more sessions are not listed." in text


def test_texts_that_were_decoded_twice_can_be_mended_on_the_preview(edit: Client, event: Event) -> None:
    garbled = CSV.encode().decode("cp1252", errors="replace").replace("\ufffd", "\x90").encode()
    text = upload(edit, garbled).content.decode()
    assert "decoded twice" in text
    assert 'name="repair_encoding" value="1">' in text

    form = {"packed": packed(text), "name": "programme.csv", "repair_encoding": "1"}
    again = edit.post(ADDRESS, {**form, "again": "1"}).content.decode()
    assert 'name="repair_encoding" value="1" checked>' in again
    assert "Take it over" in again
    assert not Submission.objects.exists()
    edit.post(ADDRESS, form)

    assert Speaker.objects.filter(name="José Núñez").exists()
    assert "decoded twice" not in upload(edit, CSV.encode()).content.decode()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_to_fill_in_can_be_downloaded_and_imported(edit: Client, event: Event, kind: str) -> None:
    assert f"{ADDRESS}template.{kind}" in edit.get(ADDRESS).content.decode()
    answer = edit.get(f"{ADDRESS}template.{kind}")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="programme.{kind}"'
    assert "Fermented foods and health" in upload(edit, answer.content, f"programme.{kind}").content.decode()


def test_there_is_no_other_template_and_none_for_strangers(
    as_user: AsUser, edit: Client, stranger: User, event: Event
) -> None:
    assert edit.get(f"{ADDRESS}template.exe").status_code == 404
    assert as_user(stranger).get(f"{ADDRESS}template.csv").status_code == 404


def test_a_file_of_another_year_is_pointed_out(edit: Client, event: Event) -> None:
    text = upload(edit, CSV.replace("2027-06-07", "2026-06-07").encode()).content.decode()
    assert "2 sessions are not on a day of the event" in text
