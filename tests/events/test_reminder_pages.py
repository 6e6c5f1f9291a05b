"""The organizer's pages about reminders: rules in sentences, who gets what before anything is saved, and the mail to come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import BrowserContext

from accounts.models import User
from events.models import Event
from notifications.models import Message, ReminderRule
from notifications.services import reminders
from scheduling.services import releases
from tests.factories.scheduling import NOW, make_event, make_organizer, make_room, make_speaker, make_talk
from tests.personae import AsUser

pytestmark = pytest.mark.django_db


def in_three_days() -> date:
    return (timezone.now() + timedelta(days=3)).date()


@pytest.fixture
def event() -> Event:
    """With four sessions in three days, each of one speaker."""
    event = make_event("soon", starts_on=in_three_days(), locales=("en", "zh-hans"), quiet_minutes=10)
    room = make_room(event, "Lake Hall")
    for number, clock in enumerate(("09:00", "10:00", "11:00", "12:00")):
        speaker = make_speaker(event, f"Speaker {number}", email=f"s{number}@example.org")
        make_talk(event, f"Talk {number}", clock, room=room, speakers=[speaker])
    releases.release(event=event, version="1", actor=None, now=NOW)
    Message.objects.all().delete()
    return event


@pytest.fixture
def organizer(event: Event) -> User:
    return make_organizer(event)


@pytest.fixture
def client(organizer: User, as_user: AsUser) -> Client:
    return as_user(organizer)


def make_rule(event: Event, **when: Any) -> ReminderRule:
    return reminders.create_rule(
        event_id=event.pk,
        **{"anchor": "slot", "audience": "speakers", **when},
        actor=None,
        now=NOW,
    )


EVENING = {"whom": "slot:speakers", "when": "clock", "days_before": "1", "at_time": "18:00", "is_active": "on"}


def test_a_wall_clock_rule_is_set_and_reads_as_a_sentence(client: Client, event: Event) -> None:
    answer = client.post("/organize/soon/reminders/new/", EVENING)
    rule = ReminderRule.objects.get()
    assert answer["Location"] == f"/organize/soon/reminders/{rule.pk}/"
    assert (rule.offset_minutes, rule.days_before, rule.at_time) == (None, 1, time(18))
    assert "the evening before at 18:00" in client.get("/organize/soon/reminders/").content.decode()

    client.post(answer["Location"], {"whom": "slot:speakers", "when": "before", "amount": "90", "unit": "minutes"})
    rule.refresh_from_db()
    assert (rule.offset_minutes, rule.days_before, rule.at_time, rule.is_active) == (90, None, None, False)


def test_a_form_of_before_still_sets_a_length(client: Client, event: Event) -> None:
    client.post("/organize/soon/reminders/new/", {"whom": "slot:speakers", "amount": "1", "unit": "hours"})
    assert ReminderRule.objects.get().offset_minutes == 60


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at_time": ""}, "at_time"),
        ({"days_before": ""}, "days_before"),
        ({"days_before": "367"}, "days_before"),
        ({"at_time": "25:00"}, "at_time"),
        ({"when": "before"}, "amount"),
        ({"when": "before", "amount": "367", "unit": "days"}, "amount"),
        ({"whom": "event:bookmarked"}, "whom"),
    ],
)
def test_what_is_missing_is_asked_for_at_its_field(
    client: Client, event: Event, changes: dict[str, str], field: str
) -> None:
    answer = client.post("/organize/soon/reminders/new/", {**EVENING, **changes})
    assert list(answer.context["form"].errors) == [field]
    assert not ReminderRule.objects.exists()


def test_the_preview_says_who_gets_it_and_saves_nothing(client: Client, event: Event) -> None:
    answer = client.post("/organize/soon/reminders/new/", {**EVENING, "preview": "1"})
    page = answer.content.decode()
    assert not ReminderRule.objects.exists()
    assert (answer.context["count"], len(answer.context["upcoming"])) == (4, 4)
    assert "4 mails, as the programme is now." in page
    assert "s0@example.org" in page


def test_usual_reminders_are_suggested_until_they_are_there(client: Client, event: Event) -> None:
    def ideas() -> list[str]:
        page = client.get("/organize/soon/reminders/new/")
        return [idea["sentence"] for idea in page.context["ideas"]]

    sentence = "Speakers, before their own session: the evening before at 18:00"
    assert sentence in ideas()
    chosen = client.get("/organize/soon/reminders/new/?as=1")
    assert chosen.context["sentence"] == sentence
    assert 'value="18:00' in chosen.content.decode()
    make_rule(event, days_before=1, at_time=time(18))
    assert sentence not in ideas()


# -- Mail to come -------------------------------------------------------------------------------------------------------


def rows(client: Client, query: str = "") -> list[tuple[str, str]]:
    page = client.get(f"/organize/soon/reminders/timeline/{query}")
    return [(row["mail"].email, str(row["why"])) for row in page.context["rows"]]


def test_mail_to_come_shows_each_mail_once_in_the_order_of_time(client: Client, event: Event) -> None:
    evening = make_rule(event, days_before=1, at_time=time(18))
    hour = make_rule(event, offset_minutes=60)
    make_rule(event, offset_minutes=60, is_active=False)
    # The same instant, once more: nobody is told twice.
    make_rule(event, offset_minutes=60)

    found = rows(client)

    assert [email for email, _why in found] == [f"s{n}@example.org" for n in (0, 1, 2, 3, 0, 1, 2, 3)]
    assert {why for _email, why in found[:4]} == {"Speakers, before their own session: the evening before at 18:00"}
    page = client.get("/organize/soon/reminders/timeline/")
    assert [tab["count"] for tab in page.context["tabs"]] == [8, 4, 4]
    assert page.context["people"] == 4
    assert "Talk 0" in page.content.decode()
    assert len(rows(client, f"?rule={hour.pk}")) == 4
    assert len(rows(client, f"?rule={evening.pk}&q=talk+s2")) == 1
    assert [email for email, _why in rows(client, "?q=S3@EXAMPLE")] == ["s3@example.org"] * 2
    day = event.starts_on.isoformat()
    assert len(rows(client, f"?day={day}")) == 4
    assert rows(client, "?q=nobody") == []
    assert not Message.objects.exists()


def test_mail_that_is_queued_stands_in_place_of_what_is_foreseen(client: Client, event: Event) -> None:
    make_rule(event, offset_minutes=60)
    first = event.starts_at + timedelta(hours=8)
    reminders.plan_reminders(now=first - timedelta(minutes=5))
    assert Message.objects.count() == 1

    found = rows(client)
    assert len(found) == 4
    page = client.get("/organize/soon/reminders/timeline/").content.decode()
    assert f"/organize/soon/messages/{Message.objects.get().pk}/" in page


def test_news_that_waits_for_quiet_is_mail_to_come(client: Client, event: Event) -> None:
    make_talk(event, "New one", "15:00", speakers=[make_speaker(event, "Bo", email="bo@example.org")])
    releases.release(event=event, version="2", actor=None, now=timezone.now())
    assert ("bo@example.org", "Session published, to its speakers") in rows(client)
    assert {why for _to, why in rows(client, "?rule=other")} == {"Session published, to its speakers"}


@pytest.mark.parametrize(
    ("minutes", "language", "words"),
    [
        (0, "en", "speakers are told at once what has changed for them"),
        (1, "en", "after 1 minute without further changes"),
        (10, "en", "after 10 minutes without further changes"),
        (0, "zh-hans", "会立即把与报告人有关的变动告知他们"),
        (10, "zh-hans", "若 10 分钟内不再有变动，就用一封邮件"),
    ],
)
def test_the_page_says_when_speakers_hear_of_changes(
    client: Client, event: Event, minutes: int, language: str, words: str
) -> None:
    Event.objects.filter(pk=event.pk).update(quiet_minutes=minutes)
    assert words in client.get("/organize/soon/reminders/", {"lang": language}).content.decode()


def test_mail_to_come_takes_as_many_queries_for_three_sessions_as_for_one(as_user: AsUser) -> None:
    counts = []
    for talks in (1, 3):
        event = make_event(starts_on=in_three_days())
        client = as_user(make_organizer(event))
        for _ in range(talks):
            make_talk(event)
        releases.release(event=event, version="1", actor=None, now=NOW)
        make_rule(event, offset_minutes=60)
        with CaptureQueriesContext(connection) as context:
            client.get(f"/organize/{event.slug}/reminders/timeline/")
        counts.append(len(context))
    assert counts[0] == counts[1]


# -- In a browser -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_preview_follows_what_is_chosen(
    event: Event,
    organizer: User,
    new_context: Callable[..., BrowserContext],
    site: str,
    axe: Callable[..., None],
    language: str,
) -> None:
    client = Client()
    client.force_login(organizer)
    context = new_context(language=language, phone=language == "zh-CN")
    (cookie,) = client.cookies.values()
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
    page = context.new_page()
    page.goto("/organize/soon/reminders/new/?as=1")
    axe(page)
    assert "18:00" in page.locator("#next table").inner_text()
    page.locator("[name=at_time]").fill("20:30")
    page.locator("#next table", has_text="20:30").wait_for()
    page.locator("[name=when][value=before]").check()
    assert not page.locator("[name=at_time]").is_visible()
    page.locator("[name=amount]").fill("3")
    page.locator("#next table", has_text="06:00").wait_for()
    page.locator("button[type=submit]:not([data-preview])").last.click()
    page.wait_for_url("**/reminders/*/")
    page.goto("/organize/soon/reminders/timeline/")
    axe(page)
    assert ReminderRule.objects.get().offset_minutes == 180
