"""How far an import is: the service tells its steps, and whoever sent the file can ask for them."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from events.models import Event, Permission
from scheduling.importers import files
from scheduling.services import imports
from scheduling.services.import_steps import WHOLE, ImportStep, Progress, ignore
from submissions.models import Submission
from tests.factories.events import make_event, make_member
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

CSV = b"title,room,track,start,duration,speakers\nKefir,Hall A,Tea,2027-06-07 09:00,30,Li Na\n"
RUN = uuid.UUID("01234567-89ab-4cde-8f01-23456789abcd")
IMPORT = "/organize/food-2027/import/"
ADDRESS = f"{IMPORT}progress/{RUN}/"


def of(event: Event, user: User, run: uuid.UUID = RUN) -> Progress:
    return Progress(event_id=event.pk, user_id=user.pk, run=run)


def upload(client: Client, **values: str) -> Any:
    return client.post(IMPORT, {"file": SimpleUploadedFile("programme.csv", CSV), **values})


# -- The service tells


def test_an_import_and_its_preview_tell_each_step_in_order_up_to_the_end(event: Event) -> None:
    looked: list[ImportStep] = []
    done: list[ImportStep] = []
    parsed = files.read(CSV)
    imports.preview(event=event, parsed=parsed, now=timezone.now(), on_step=looked.append)
    imports.apply(event=event, parsed=parsed, actor=None, now=timezone.now(), on_step=done.append)

    # Reading comes first, and is not the service's.
    assert looked == done == list(ImportStep)[1:]


def test_each_step_begins_where_the_one_before_ends_and_the_last_is_not_the_end() -> None:
    begins = [step.done for step in ImportStep]
    assert begins[0] == 0
    assert begins == sorted(set(begins))
    assert begins[-1] < WHOLE


def test_a_step_is_told_before_its_work(event: Event) -> None:
    sessions: dict[ImportStep, int] = {}
    imports.apply(
        event=event,
        parsed=files.read(CSV),
        actor=None,
        now=timezone.now(),
        on_step=lambda step: sessions.update({step: Submission.objects.count()}),
    )
    assert sessions[ImportStep.SESSIONS] == 0
    assert sessions[ImportStep.SLOTS] == 1


def test_telling_asks_the_database_nothing(event: Event, reviewer: User) -> None:
    queries: list[int] = []
    for on_step in (ignore, of(event, reviewer).tell):
        fresh = make_event(f"food-{len(queries)}")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            imports.apply(event=fresh, parsed=files.read(CSV), actor=None, now=timezone.now(), on_step=on_step)
        queries.append(len(captured))
    assert queries[0] == queries[1] > 0


# -- The address answers


def test_whoever_sent_the_file_reads_how_far_it_is_in_their_language(
    as_user: AsUser, reviewer: User, event: Event
) -> None:
    of(event, reviewer).tell(ImportStep.SESSIONS)
    client = as_user(reviewer)
    answer = client.get(ADDRESS)

    assert answer.json() == {"label": "Sessions", "value": ImportStep.SESSIONS.done, "max": WHOLE}
    assert "no-store" in answer.headers["Cache-Control"]
    assert client.get(ADDRESS, headers={"Accept-Language": "zh-hans"}).json()["label"] == "报告"


def test_nobody_reads_of_an_import_that_is_not_theirs(as_user: AsUser, reviewer: User, event: Event) -> None:
    of(event, reviewer).tell(ImportStep.SESSIONS)
    colleague = make_member(event, Permission.EDIT_PROGRAMME, email="colleague@example.org")
    elsewhere = make_event("tea-2027", organisation=event.organisation)
    organizer = make_member(elsewhere, Permission.EDIT_PROGRAMME, email="tea@example.org")
    of(event, organizer).tell(ImportStep.SESSIONS)

    assert as_user(colleague).get(ADDRESS).json() == {}
    assert as_user(organizer).get(ADDRESS.replace("food-2027", "tea-2027")).json() == {}
    assert as_user(reviewer).get(ADDRESS.replace("0123", "3210")).json() == {}


def test_strangers_find_no_address_and_members_without_the_permission_may_not(
    as_user: AsUser, stranger: User, attendee: User, event: Event
) -> None:
    for who in (stranger, attendee):
        assert as_user(who).get(ADDRESS).status_code == 404
    member = make_member(event, Permission.SEND_MESSAGES, email="mail@example.org")
    assert as_user(member).get(ADDRESS).status_code == 403


@pytest.mark.parametrize("run", ["1", str(RUN)[:-1], str(RUN).upper(), RUN.hex, f"{RUN}0", "import:1:1"])
def test_what_is_no_number_of_an_import_is_not_found(as_user: AsUser, reviewer: User, event: Event, run: str) -> None:
    assert as_user(reviewer).get(f"{IMPORT}progress/{run}/").status_code == 404


def test_the_address_is_only_read(as_user: AsUser, reviewer: User, event: Event) -> None:
    assert as_user(reviewer).post(ADDRESS).status_code == 405


# -- The page


def test_each_page_carries_a_number_of_its_own_and_where_to_ask_for_it(
    as_user: AsUser, reviewer: User, event: Event
) -> None:
    client = as_user(reviewer)
    pages = [client.get(IMPORT), client.get(IMPORT), upload(client), client.post(IMPORT, {})]
    runs = []
    for page in pages:
        text = page.content.decode()
        runs += re.findall(r'name="run" value="([0-9a-f-]{36})"', text)
        assert f'data-working-at="{IMPORT}progress/{runs[-1]}/"' in text
    assert len(set(runs)) == len(pages)


@pytest.mark.parametrize("content", [CSV, b"no programme"])
def test_nothing_is_told_any_more_when_it_is_done_or_refused(
    as_user: AsUser, reviewer: User, event: Event, content: bytes
) -> None:
    client = as_user(reviewer)
    of(event, reviewer).tell(ImportStep.SLOTS)
    client.post(IMPORT, {"file": SimpleUploadedFile("programme.csv", content), "run": str(RUN)})
    assert client.get(ADDRESS).json() == {}


@pytest.mark.parametrize("run", ["", "nonsense", "x" * 10_000])
def test_a_number_that_is_none_keeps_nobody_from_importing(
    as_user: AsUser, reviewer: User, event: Event, run: str
) -> None:
    assert "What the file would change" in upload(as_user(reviewer), run=run).content.decode()


def test_without_redis_the_file_is_imported_all_the_same_and_it_is_tried_only_once(
    as_user: AsUser, reviewer: User, event: Event, settings: Settings
) -> None:
    client = as_user(reviewer)
    settings.CACHES = {
        "default": {
            "BACKEND": "common.cache.ForgivingRedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},
        }
    }
    assert cache.get("anything") is None
    with capture_logs() as logs:
        text = upload(client, run=str(RUN)).content.decode()
    packed = re.findall(r'name="packed" value="([^"]+)"', text)[0]
    client.post(IMPORT, {"packed": packed, "name": "programme.csv", "run": str(RUN)})

    assert [entry["method"] for entry in logs if entry["event"] == "cache_away"] == ["set", "get"]
    assert client.get(ADDRESS).json() == {}
    assert Submission.objects.count() == 1
