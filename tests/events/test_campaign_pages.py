"""Writing to many people, as an organizer does it: pages and API."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from common.models import AuditEntry
from events.models import Event, Organisation, Permission
from notifications.models import Campaign, CaughtMail, Message, Preference
from notifications.services import campaigns, delivery
from registrations.services import segments
from tests.factories.events import make_event, make_member
from tests.factories.registrations import make_choice, make_question, make_ticket, register
from tests.factories.scheduling import make_speaker, make_submission
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def event(organisation: Organisation) -> Event:
    return make_event("food-2027", organisation=organisation)


@pytest.fixture
def client_(event: Event, as_user: AsUser) -> Client:
    return as_user(make_member(event, Permission.SEND_MESSAGES, email="me@example.org"))


def written(**more: Any) -> dict[str, Any]:
    return {
        "key": str(uuid.uuid4()),
        "whom": ["registrations"],
        "registrations.state": ["confirmed"],
        "subject_0": "The bus, {name}",
        "subject_1": "班车，{name}",
        "body_0": "It leaves at eight.\n\n{link}",
        "body_1": "八点出发。",
        **more,
    }


def work() -> None:
    campaigns.advance_campaigns(now=NOW)
    delivery.deliver_due(now=NOW, until_empty=True)
    campaigns.advance_campaigns(now=NOW)


def test_mail_to_everybody_with_a_place_from_form_to_mailbox(client_: Client, event: Event) -> None:
    ticket = make_ticket(event, size=2)
    for n, language in enumerate(["en", "zh-hans", "en"]):
        register(ticket, f"p{n}@example.org", language=language)
    CaughtMail.objects.all().delete()
    Message.objects.all().delete()

    answer = client_.post("/organize/food-2027/mail/new/", written())
    campaign = Campaign.objects.get()
    page = f"/organize/food-2027/mail/campaigns/{campaign.pk}/"
    assert answer["Location"] == page
    assert "Send it to 2 people now" in client_.get(page).content.decode()

    client_.post(f"{page}send/")
    assert "The list of recipients is being made." in client_.get(page).content.decode()
    work()

    assert sorted(CaughtMail.objects.values_list("recipient", "subject")) == [
        ("p0@example.org", "The bus, Guest " + CaughtMail.objects.get(recipient="p0@example.org").subject.split()[-1]),
        ("p1@example.org", CaughtMail.objects.get(recipient="p1@example.org").subject),
    ]
    assert CaughtMail.objects.get(recipient="p1@example.org").subject.startswith("班车，")
    shown = client_.get(f"{page}progress/").content.decode()
    assert "data-at-rest" in shown
    assert 'value="2"' in shown


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"whom": []}, "Choose at least one."),
        ({"body_0": "Hello {nobody}."}, "{nobody} is not a placeholder of this mail."),
        ({"body_0": "Hello {name."}, "There is a { without its partner."),
    ],
)
def test_words_that_cannot_be_sent_keep_what_was_typed(
    client_: Client, event: Event, wrong: dict[str, Any], words: str
) -> None:
    answer = client_.post("/organize/food-2027/mail/new/", written(**wrong))

    page = answer.content.decode()
    assert words in page
    assert "The bus, {name}" in page
    assert not Campaign.objects.exists()


def test_form_sent_twice_makes_one_campaign(client_: Client, event: Event) -> None:
    form = written()
    first, second = (client_.post("/organize/food-2027/mail/new/", form) for _press in range(2))

    assert first["Location"] == second["Location"]
    assert Campaign.objects.count() == 1


def test_count_follows_what_is_ticked(client_: Client, event: Event) -> None:
    ticket = make_ticket(event)
    for n, country in enumerate(["CN", "CN", "DE"]):
        register(ticket, f"p{n}@example.org", country=country)
    Preference.objects.create(recipient_key="p0@example.org", event_id=event.pk, unsubscribed_at=NOW)

    def count(**more: Any) -> str:
        return str(client_.post("/organize/food-2027/mail/reach/", written(**more)).json()["text"])

    assert count() == "3 people, of whom 1 want no such mail"
    assert count(**{"registrations.country": ["DE"]}) == "1 person"
    assert count(**{"registrations.country": ["FR"]}) == "3 people, of whom 1 want no such mail"
    assert count(whom=[]) == "Nobody fits this choice."


def test_segments_by_every_filter(event: Event) -> None:
    make_choice(event, "meals", ["all", "vegan"])
    make_question(event, "visa", "yes_no")
    tickets = [make_ticket(event), make_ticket(event)]
    for n in range(4):
        register(
            tickets[n % 2],
            f"p{n}@example.org",
            name=f"Person {n}",
            language=["en", "zh-hans"][n // 2],
            country=["CN", "DE", "DE", "FR"][n],
            answers={"meals": ["all", "vegan"][n % 2], "visa": n == 3},
        )
    saved = segments.save_segment(event=event, name="From Germany", wanted={"country": ["DE"]}, actor=None, now=NOW)

    def reached(**wanted: Any) -> int:
        return campaigns.reach_of(event.pk, {"registrations": wanted}).people

    assert reached() == 4
    assert reached(state=["confirmed"]) == 4
    assert reached(state=["cancelled"]) == 0
    assert reached(ticket=[str(tickets[0].pk)]) == 2
    assert reached(country=["CN", "DE"]) == 3
    assert reached(language=["zh-hans"]) == 2
    assert reached(q="p3@example") == 1
    assert reached(**{"answer.meals": ["vegan"]}) == 2
    assert reached(**{"answer.visa": ["true"]}) == 1
    assert reached(segment=[str(saved.pk)]) == 2
    assert reached(segment=[str(saved.pk)], **{"answer.meals": ["vegan"]}) == 1


def test_who_registered_and_speaks_gets_one_mail(client_: Client, event: Event) -> None:
    register(make_ticket(event), "both@example.org")
    speaker = make_speaker(event, email="Both@example.org")
    make_submission(event, speakers=[speaker], state="confirmed")

    reach = campaigns.reach_of(event.pk, {"registrations": {}, "speakers": {}})
    assert reach.people == 1


def test_time_is_set_on_the_events_clock(client_: Client, event: Event) -> None:
    client_.post("/organize/food-2027/mail/new/", written())
    campaign = Campaign.objects.get()
    page = f"/organize/food-2027/mail/campaigns/{campaign.pk}/"
    client_.post(f"{page}send/", {"send_at": "2027-06-06T18:00"})

    campaign.refresh_from_db()
    assert campaign.state == "scheduled"
    assert campaign.send_at == datetime(2027, 6, 6, 10, tzinfo=UTC)
    late = client_.post(f"{page}send/", {"send_at": "2027-03-01T18:00"}, follow=True).content.decode()
    assert "This time is over." in late


def test_pausing_going_on_and_stopping(client_: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    client_.post("/organize/food-2027/mail/new/", written())
    campaign = Campaign.objects.get()
    page = f"/organize/food-2027/mail/campaigns/{campaign.pk}/"

    def after(step: str) -> str:
        client_.post(f"{page}{step}/")
        campaign.refresh_from_db()
        return str(campaign.state)

    assert [after(step) for step in ("send", "pause", "pause", "resume", "resume", "pause", "cancel", "cancel")] == [
        *["sending", "paused", "paused", "sending", "sending", "paused", "cancelled", "cancelled"]
    ]
    assert "cancelled" in client_.get(page).content.decode()


def test_preview_in_each_language_is_served_in_a_sandbox(client_: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org", name="<b>[x](https://evil.example)")
    client_.post("/organize/food-2027/mail/new/", written(body_1="八点，{name}。"))
    campaign = Campaign.objects.get()
    page = f"/organize/food-2027/mail/campaigns/{campaign.pk}/preview/"
    chinese = client_.get(f"{page}?preview_language=zh-hans")

    assert "sandbox" in chinese["Content-Security-Policy"]
    assert "八点，&lt;b&gt;[x](https://evil.example)。" in chinese.content.decode()
    assert "It leaves at eight." in client_.get(f"{page}?preview_language=en").content.decode()
    tried = client_.post("/organize/food-2027/mail/preview/", written(body_0="Typed just now."))
    assert "Typed just now." in tried.content.decode()


def test_list_of_people_leads_to_a_mail_to_them(client_: Client, event: Event) -> None:
    make_ticket(event)
    page = client_.get("/organize/food-2027/mail/new/?audience=registrations&state=waiting&q=wang").content.decode()

    assert 'value="wang"' in page
    assert 'name="registrations.state" value="waiting"' in page


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_as_many_queries_for_three_as_for_one(
    client_: Client, event: Event, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(count):
        campaigns.create_campaign(
            event_id=event.pk, subject=f"Mail {n}", body="Words", audiences={"registrations": {}}, actor=None, now=NOW
        )
    client_.get("/organize/food-2027/mail/")
    with django_assert_num_queries(8):
        assert client_.get("/organize/food-2027/mail/").status_code == HTTPStatus.OK


# -- API -------------------------------------------------------------------------------------------------------------

BODY = {
    "subject": {"en": "The bus"},
    "body": {"en": "It leaves at eight."},
    "audiences": {"registrations": {"state": ["confirmed"]}},
}


@pytest.fixture
def organizer_api(organizer: User, event: Event, as_user: AsUser) -> Client:
    return as_user(organizer)


def post(client: Client, path: str, body: Any = None, **headers: Any) -> Any:
    url = f"/api/v1/events/food-2027/campaigns/{path}"
    return client.post(url, body, content_type="application/json", headers=headers)


def test_campaign_by_api_begins_at_once_and_tells_how_far_it_is(organizer_api: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    made = post(organizer_api, "", BODY)
    assert made.status_code == HTTPStatus.CREATED
    assert made.json()["state"] == "sending"
    work()

    shown = organizer_api.get(made["Location"]).json()
    assert shown["state"] == "done"
    assert shown["progress"] == {
        **dict.fromkeys(["waiting", "failed", "bounced", "unsubscribed", "cancelled"], 0),
        "total": 1,
        "sent": 1,
    }


def test_campaign_by_api_can_be_held_and_stopped(organizer_api: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    pk = post(organizer_api, "", BODY).json()["id"]

    states = [post(organizer_api, f"{pk}/{step}/").json()["state"] for step in ("pause", "resume", "cancel")]
    assert states == ["paused", "sending", "cancelled"]
    assert post(organizer_api, f"{pk}/resume/").status_code == HTTPStatus.CONFLICT


def patch(client: Client, pk: int, body: Any, **headers: Any) -> Any:
    url = f"/api/v1/events/food-2027/campaigns/{pk}/"
    return client.patch(url, body, content_type="application/json", headers=headers)


def test_a_draft_is_changed_sent_and_then_left_as_it_is(organizer_api: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    draft = post(organizer_api, "", {**BODY, "draft": True}).json()
    assert draft["state"] == "draft"
    changed = patch(organizer_api, draft["id"], {"body": {"en": "It leaves at nine."}})
    assert changed.status_code == HTTPStatus.OK, changed.content
    assert (changed.json()["body"], changed.json()["subject"]) == ({"en": "It leaves at nine."}, BODY["subject"])
    assert patch(organizer_api, draft["id"], {}).json() == changed.json()
    assert patch(organizer_api, draft["id"], {"body": "x"}, **{"if-match": '"old"'}).status_code == 412

    steps = [post(organizer_api, f"{draft['id']}/send/", {}).json()["state"] for _twice in range(2)]
    assert steps == ["sending", "sending"]
    refused = patch(organizer_api, draft["id"], {"subject": {"en": "Another"}})
    assert (refused.status_code, refused.json()["code"]) == (HTTPStatus.CONFLICT, "has_begun")
    verbs = AuditEntry.objects.filter(verb__startswith="campaign_").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["campaign_created", "campaign_changed", "campaign_sent"]
    work()
    assert Message.objects.filter(kind="campaign").count() == 1


def test_a_draft_gets_a_time_and_another_one(organizer_api: Client, event: Event) -> None:
    draft = post(organizer_api, "", {**BODY, "draft": True}).json()["id"]
    times = ["2100-06-01T09:00:00+08:00", "2100-06-02T09:00:00+08:00"]
    for at in times:
        answer = post(organizer_api, f"{draft}/send/", {"send_at": at}).json()
        assert (answer["state"], answer["send_at"]) == ("scheduled", at.replace("T09:00:00+08:00", "T01:00:00Z"))
    assert patch(organizer_api, draft, {"subject": {"en": "The boat"}}).json()["state"] == "scheduled"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"send_at": "2001-01-01T00:00:00Z"}, HTTPStatus.CONFLICT, "in_the_past"),
        ({}, HTTPStatus.CONFLICT, "nobody"),
        ({"at": "now"}, HTTPStatus.BAD_REQUEST, "invalid"),
    ],
)
def test_sending_that_cannot_be_is_refused_with_its_reason(
    organizer_api: Client, event: Event, body: dict[str, str], status: HTTPStatus, code: str
) -> None:
    draft = post(organizer_api, "", {**BODY, "draft": True}).json()["id"]
    refused = post(organizer_api, f"{draft}/send/", body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused["Content-Type"] == "application/problem+json"
    assert Campaign.objects.get().state == "draft"


@pytest.mark.parametrize("change", [{"audiences": {}}, {"body": {"en": "{price}"}}, {"draft": True}, {"send_at": None}])
def test_a_draft_is_not_changed_into_what_cannot_be_sent(
    organizer_api: Client, event: Event, change: dict[str, Any]
) -> None:
    draft = post(organizer_api, "", {**BODY, "draft": True}).json()
    assert patch(organizer_api, draft["id"], change).status_code == HTTPStatus.BAD_REQUEST
    assert organizer_api.get(f"/api/v1/events/food-2027/campaigns/{draft['id']}/").json() == draft


def test_the_same_key_sends_once_and_answers_the_same(organizer_api: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    draft = post(organizer_api, "", {**BODY, "draft": True}).json()["id"]
    key = {"idempotency-key": str(uuid.uuid4())}
    first = post(organizer_api, f"{draft}/send/", {}, **key).json()
    post(organizer_api, f"{draft}/cancel/")
    assert post(organizer_api, f"{draft}/send/", {}, **key).json() == first
    assert Campaign.objects.get().state == "cancelled"


def test_same_key_makes_one_campaign(organizer_api: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    key = str(uuid.uuid4())
    first, second = (post(organizer_api, "", BODY, **{"idempotency-key": key}) for _time in range(2))

    assert first.json()["id"] == second.json()["id"]
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"audiences": {}},
        {"audiences": {"everybody": {}}},
        {"audiences": {"registrations": {"passport": ["x"]}}},
        {"audiences": {"registrations": {"ticket": ["0"]}}},
        {"audiences": {"registrations": {"state": ["happy"]}}},
        {"body": {"en": "{event.__init__}"}},
        {"sendat": "2027-01-01T00:00:00Z"},
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    organizer_api: Client, event: Event, change: dict[str, Any]
) -> None:
    assert post(organizer_api, "", {**BODY, **change}).status_code == HTTPStatus.BAD_REQUEST
    assert not Campaign.objects.exists()


def test_campaign_to_nobody_is_refused_whole(organizer_api: Client, event: Event) -> None:
    assert post(organizer_api, "", BODY).status_code == HTTPStatus.CONFLICT
    assert not Campaign.objects.exists()


def test_a_new_campaign_is_narrowed_by_no_words_at_first(client_: Client, event: Event) -> None:
    register(make_ticket(event), "p0@example.org")
    field = client_.get("/organize/food-2027/mail/new/").context["form"]["registrations.q"]
    assert (field.value(), 'value="' in str(field)) == ("", False)
