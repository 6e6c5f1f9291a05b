"""One text to many people, each once."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.problems import Invalid
from notifications import audiences
from notifications.audiences import Audience, Person
from notifications.models import Campaign, CampaignState, CancelReason, CaughtMail, Message, MessageState, Preference
from notifications.notices import Recipient
from notifications.services import campaigns, delivery
from notifications.services.messages import retry_message
from notifications.services.preferences import unsubscribe
from tests.factories.accounts import make_user
from tests.notifications.samples import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("origin")]

WORDS: dict[str, Any] = {
    "subject": {"en": "The bus, {name}", "zh-hans": "班车，{name}"},
    "body": {"en": "It leaves at eight.\n\n{link}\n\nTicket: {ticket}", "zh-hans": "八点出发。"},
}


@dataclass
class Crowd:
    """Stands for an app that knows people: numbers and addresses."""

    members: dict[int, str] = field(default_factory=dict)
    languages: dict[int, str] = field(default_factory=dict)

    def addresses(self, event_id: int, wanted: Any) -> Iterator[tuple[int, str]]:
        yield from ((number, address) for number, address in self.members.items() if event_id == 1)

    def people(self, event_id: int, numbers: Collection[int]) -> Iterator[Person]:
        for number in sorted(numbers, reverse=True):
            if number in self.members:
                to = Recipient(
                    email=self.members[number], name=f"Person {number}", language=self.languages.get(number, "en")
                )
                yield Person(
                    number=number, to=to, context={"name": f"Person {number}", "link": "https://conf.example/p/"}
                )


def crowd(monkeypatch: pytest.MonkeyPatch, code: str, count: int, *, first: int = 0) -> Crowd:
    made = Crowd({number: f"p{number}@example.org" for number in range(first, first + count)})
    audience = Audience(code=code, title=code, addresses=made.addresses, people=made.people)
    monkeypatch.setitem(audiences._audiences, code, audience)
    return made


@pytest.fixture
def guests(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    return crowd(monkeypatch, "guests", 3)


def make_campaign(**more: Any) -> Campaign:
    return campaigns.create_campaign(event_id=1, **{**WORDS, "audiences": {"guests": {}}, **more}, actor=None, now=NOW)


def send(campaign: Campaign, **more: Any) -> Campaign:
    return campaigns.send_campaign(campaign=campaign, actor=None, now=NOW, **more)


def work(*, minutes: int = 0) -> None:
    """What workers do until there is nothing to do."""
    now = NOW + timedelta(minutes=minutes)
    campaigns.advance_campaigns(now=now)
    delivery.deliver_due(now=now, until_empty=True)
    campaigns.advance_campaigns(now=now)


def again(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def arrived() -> list[str]:
    return sorted(CaughtMail.objects.values_list("recipient", flat=True))


def test_everybody_gets_it_once_in_their_language(guests: Crowd) -> None:
    guests.languages[1] = "zh-hans"
    campaign = send(make_campaign())
    assert campaign.state == CampaignState.SENDING
    assert not Message.objects.exists()

    work()
    work()

    assert arrived() == ["p0@example.org", "p1@example.org", "p2@example.org"]
    subjects = set(CaughtMail.objects.values_list("subject", flat=True))
    assert subjects == {"The bus, Person 0", "班车，Person 1", "The bus, Person 2"}
    campaign = again(campaign)
    assert (campaign.state, campaign.total, campaign.written) == ("done", 3, 3)
    assert campaigns.progress_of([campaign])[campaign.pk].sent == 3


def test_mail_can_be_unsubscribed_from_with_one_click(guests: Crowd) -> None:
    send(make_campaign())
    work()

    raw = bytes(CaughtMail.objects.earliest("pk").raw).decode()
    assert "List-Unsubscribe: <" in raw
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw


def test_person_in_several_roles_gets_one_mail(guests: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(monkeypatch, "speakers", 3, first=2)
    campaign = make_campaign(audiences={"guests": {}, "speakers": {}})

    assert campaigns.reach_of(1, campaign.audiences).people == 5
    send(campaign)
    work()
    assert arrived() == [f"p{n}@example.org" for n in range(5)]


def test_unsubscribed_are_skipped_and_counted(guests: Crowd) -> None:
    Preference.objects.create(recipient_key="p1@example.org", event_id=1, unsubscribed_at=NOW)
    campaign = make_campaign()
    reach = campaigns.reach_of(1, campaign.audiences)
    assert (reach.people, reach.unsubscribed, reach.mails) == (3, 1, 2)

    send(campaign)
    work()

    assert arrived() == ["p0@example.org", "p2@example.org"]
    progress = campaigns.progress_of([again(campaign)])[campaign.pk]
    assert (progress.total, progress.sent, progress.unsubscribed, progress.waiting) == (3, 2, 1, 0)
    assert again(campaign).state == CampaignState.DONE


def test_who_unsubscribes_while_it_is_sent_gets_no_more(guests: Crowd) -> None:
    send(make_campaign())
    campaigns.advance_campaigns(now=NOW)
    unsubscribe(message=Message.objects.get(recipient_key="p1@example.org"), now=NOW)
    work()

    assert arrived() == ["p0@example.org", "p2@example.org"]


def test_list_is_made_when_it_begins(guests: Crowd) -> None:
    campaign = send(make_campaign(), send_at=NOW + timedelta(hours=1))
    assert campaign.state == CampaignState.SCHEDULED
    work(minutes=59)
    assert arrived() == []
    guests.members[3] = "p3@example.org"
    work(minutes=60)
    guests.members[4] = "p4@example.org"
    work(minutes=61)

    assert arrived() == [f"p{n}@example.org" for n in range(4)]


def test_who_is_gone_when_their_turn_comes_is_left_out(guests: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "CHUNK", 2)
    campaign = send(make_campaign())
    campaigns._write_chunk(campaign.pk, now=NOW)
    del guests.members[1]
    work()

    assert arrived() == ["p0@example.org", "p2@example.org"]
    progress = campaigns.progress_of([again(campaign)])[campaign.pk]
    assert (progress.sent, progress.gone, progress.waiting) == (2, 1, 0)
    assert again(campaign).state == CampaignState.DONE


def test_pause_holds_what_has_not_gone_and_resume_goes_on(guests: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "CHUNK", 2)
    campaign = send(make_campaign())
    campaigns._write_chunk(campaign.pk, now=NOW)
    campaigns._write_chunk(campaign.pk, now=NOW)
    campaigns.pause_campaign(campaign=campaign, actor=None, now=NOW)
    work()
    assert arrived() == []
    assert set(Message.objects.values_list("state", flat=True)) == {"draft"}
    assert campaigns.progress_of([again(campaign)])[campaign.pk].waiting == 3

    campaigns.resume_campaign(campaign=campaign, actor=None, now=NOW)
    work()
    assert arrived() == ["p0@example.org", "p1@example.org", "p2@example.org"]


def test_cancelling_stops_it_for_good(guests: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "CHUNK", 2)
    campaign = send(make_campaign())
    campaigns._write_chunk(campaign.pk, now=NOW)
    campaigns._write_chunk(campaign.pk, now=NOW)
    campaigns.cancel_campaign(campaign=campaign, actor=None, now=NOW)
    work()

    assert arrived() == []
    assert set(Message.objects.values_list("state", "reason")) == {("cancelled", CancelReason.BY_HAND)}
    progress = campaigns.progress_of([again(campaign)])[campaign.pk]
    assert (progress.cancelled, progress.waiting, progress.settled) == (3, 0, 3)
    with pytest.raises(campaigns.CannotChangeCampaign):
        campaigns.resume_campaign(campaign=campaign, actor=None, now=NOW)


@pytest.mark.parametrize("state", ["paused", "cancelled"])
def test_mails_that_a_worker_had_in_hand_are_held_too(guests: Crowd, state: str) -> None:
    """Claimed before, put back after: the next worker sees that they are not for sending."""
    campaign = send(make_campaign())
    campaigns.advance_campaigns(now=NOW)
    delivery.claim(now=NOW, size=25)
    change = {"paused": campaigns.pause_campaign, "cancelled": campaigns.cancel_campaign}[state]
    change(campaign=campaign, actor=None, now=NOW)
    delivery.sweep_stuck(now=NOW + timedelta(minutes=11))

    delivery.deliver_due(now=NOW + timedelta(minutes=11), until_empty=True)

    assert arrived() == []
    assert set(Message.objects.values_list("state", flat=True)) == {{"paused": "draft"}.get(state, "cancelled")}
    if state == "paused":
        campaigns.resume_campaign(campaign=campaign, actor=None, now=NOW)
        work(minutes=12)
        assert len(arrived()) == 3


def test_resume_in_the_moment_of_holding_leaves_nothing_behind(guests: Crowd) -> None:
    campaign = send(make_campaign())
    campaigns.advance_campaigns(now=NOW)
    Message.objects.update(state=MessageState.DRAFT)

    work()

    assert len(arrived()) == 3
    assert again(campaign).state == CampaignState.DONE


def test_words_may_change_until_it_has_begun(guests: Crowd) -> None:
    campaign = make_campaign()
    campaigns.update_campaign(campaign=campaign, changes={"subject": {"en": "Boat"}}, actor=None, now=NOW)
    send(campaign)
    with pytest.raises(campaigns.CannotChangeCampaign) as refused:
        campaigns.update_campaign(campaign=campaign, changes={"subject": {"en": "Train"}}, actor=None, now=NOW)

    assert refused.value.problems[0].code == "has_begun"
    work()
    assert set(CaughtMail.objects.values_list("subject", flat=True)) == {"Boat"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": {}}, "subject"),
        ({"body": {"en": "  "}}, "body"),
        ({"body": {"en": "{''.__class__}"}}, "body"),
        ({"subject": {"en": "{event.__init__}"}}, "subject"),
        ({"subject": {"en": "Bus\nBcc: all@example.org"}}, "subject"),
        ({"audiences": {}}, "audiences"),
        ({"audiences": {"nobody": {}}}, "audiences"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_field(guests: Crowd, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_campaign(**change)

    assert refused.value.problems[0].field == field
    assert not Campaign.objects.exists()


def test_what_reaches_nobody_or_the_past_is_not_begun(guests: Crowd) -> None:
    campaign = make_campaign()
    with pytest.raises(campaigns.CannotChangeCampaign) as refused:
        send(campaign, send_at=NOW)
    assert refused.value.problems[0].code == "in_the_past"
    guests.members.clear()
    with pytest.raises(campaigns.CannotChangeCampaign) as refused:
        send(campaign)
    assert refused.value.problems[0].code == "nobody"


def test_form_and_buttons_pressed_twice_have_one_effect(guests: Crowd) -> None:
    key, user = uuid.uuid4(), make_user("me@example.org")
    assert make_campaign(key=key) == make_campaign(key=key)
    (campaign,) = Campaign.objects.all()
    assert campaigns.send_test(campaign=campaign, actor=user, now=NOW) is True
    assert campaigns.send_test(campaign=campaign, actor=user, now=NOW + timedelta(seconds=1)) is False
    for change in (campaigns.pause_campaign, campaigns.resume_campaign):
        send(campaign) if change is campaigns.pause_campaign else None
        change(campaign=campaign, actor=None, now=NOW)
        change(campaign=campaign, actor=None, now=NOW)
    work()

    assert arrived() == ["me@example.org", *(f"p{n}@example.org" for n in range(3))]


def test_test_goes_to_its_author_alone_with_somebodys_values(guests: Crowd) -> None:
    user = make_user("me@example.org", language="zh-hans")
    campaign = make_campaign()
    campaigns.send_test(campaign=campaign, actor=user, now=NOW)
    work()

    assert arrived() == ["me@example.org"]
    assert CaughtMail.objects.get().subject == "班车，Person 0"
    assert again(campaign).state == CampaignState.DRAFT


def test_preview_reads_as_each_language_will(guests: Crowd) -> None:
    guests.languages[2] = "zh-hans"
    campaign = make_campaign()

    assert campaigns.preview(campaign, language="zh-hans").subject == "班车，Person 2"
    english = campaigns.preview(campaign, language="en")
    assert english.subject == "The bus, Person 0"
    assert "Ticket" not in english.text


def test_names_with_markup_and_line_ends_arrive_as_they_are(guests: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "[x](https://evil.example)<b>\r\nBcc: all@example.org"

    def people(event_id: int, numbers: Collection[int]) -> Iterator[Person]:
        for number in numbers:
            yield Person(number=number, to=Recipient(email=guests.members[number], name=evil), context={"name": evil})

    audience = Audience(code="guests", title="", addresses=guests.addresses, people=people)
    monkeypatch.setitem(audiences._audiences, "guests", audience)
    send(make_campaign(body={"en": "Hello {name}"}))
    work()

    message = Message.objects.earliest("pk")
    assert "[x](https://evil.example)<b>" in message.rendered["text"]
    assert "[x](https://evil.example)&lt;b&gt;" in message.rendered["html"]
    assert 'href="https://evil.example' not in message.rendered["html"]
    raw = bytes(CaughtMail.objects.earliest("pk").raw).decode()
    assert "\nBcc:" not in raw.partition("\r\n\r\n")[0]


def test_failed_mail_of_a_campaign_can_be_sent_again(guests: Crowd) -> None:
    send(make_campaign())
    campaigns.advance_campaigns(now=NOW)
    Message.objects.filter(recipient_key="p1@example.org").update(state=MessageState.FAILED)
    work()
    retry_message(message=Message.objects.get(recipient_key="p1@example.org"), actor=None, now=NOW)
    work()

    assert arrived() == [f"p{n}@example.org" for n in range(3)]


@pytest.mark.parametrize("count", [1, 3])
def test_writing_takes_as_many_queries_for_three_as_for_one(
    guests: Crowd, count: int, django_assert_num_queries: Any
) -> None:
    guests.members = {n: f"p{n}@example.org" for n in range(count)}
    campaign = send(make_campaign())
    campaigns._write_chunk(campaign.pk, now=NOW)
    # Savepoint, campaign, its slice; event's words, campaign's words, unsubscribed, rows; campaign, release.
    with django_assert_num_queries(9):
        campaigns._write_chunk(campaign.pk, now=NOW)


@pytest.mark.parametrize("count", [3, 5000])
def test_whoever_presses_send_waits_for_no_mail(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The press writes one row, however many people it is for; their mails are a worker's work."""
    crowd(monkeypatch, "many", count)
    campaign = campaigns.create_campaign(
        event_id=1, subject="News", body="Hello.", audiences={"many": {}}, actor=None, now=NOW
    )
    with CaptureQueriesContext(connection) as asked:
        campaigns.send_campaign(campaign=campaign, actor=None, now=NOW)

    assert len(asked) == 6
    assert not Message.objects.exists()
    campaigns.advance_campaigns(now=NOW)
    assert Message.objects.about(campaign.about).count() == count
