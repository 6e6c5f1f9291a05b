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
from submissions.models import Submission
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
