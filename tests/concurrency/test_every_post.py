"""Every POST of the URLconf, sent several times at once, does to one event what it does to another when it is sent once.

Forms are filled in as their pages show them, requests to the API as its description has them; a new address falls under it by itself.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from accounts.models import Person
from common import middleware
from common.middleware import OneEffectMiddleware
from common.models import AuditEntry
from events.models import Event, EventRoom, Organisation
from events.services import teams
from notifications.models import Message
from notifications.notices import Notice, Recipient
from notifications.services import campaigns, ledger, rendering
from registrations.models import AnswerFile, Question, Quota, TicketType
from registrations.notices import CONFIRMED
from scheduling.importers.files import pack
from scheduling.services.agendas import create_agenda
from tests.api.test_openapi import description
from tests.contracts.addresses import ALL, API, Address, make_world
from tests.factories.accounts import make_person, make_user
from tests.factories.events import join, make_event, make_organisation, make_room, make_team, make_track
from tests.factories.registrations import (
    PDF,
    cancel,
    make_product,
    make_question,
    make_quota,
    make_ticket,
    register,
)
from tests.factories.scheduling import make_slot, make_speaker, make_submission

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(300)]

#: How often at once.
TIMES: Final = 2
Values = dict[str, Any]


class _Forms(HTMLParser):
    """What a browser would send of each form of a page: by where it leads, the names and values of its fields."""

    def __init__(self, page: str, url: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, list[str]]]] = []
        self._url, self._open, self._select, self._area = url, False, "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._open = given.get("method", "").lower() == "post"
            if self._open:
                self.found.append((given.get("action") or self._url, {}))
        elif self._open and tag == "input" and name:
            kind = given.get("type", "text")
            if kind not in {"checkbox", "radio"} or "checked" in given:
                self._put(name, given.get("value", "on" if kind == "checkbox" else ""))
        elif self._open and tag == "textarea":
            self._area = name
            self._put(name, "")
        elif self._open and tag == "select":
            self._select = name
        elif self._open and tag == "option" and self._select:
            self._offer(given.get("value", ""), is_chosen="selected" in given)

    def handle_data(self, data: str) -> None:
        if self._area and data.strip():
            self.found[-1][1][self._area] = [data.strip()]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def _offer(self, value: str, *, is_chosen: bool) -> None:
        if is_chosen or (value and self._select not in self.found[-1][1]):
            self.found[-1][1][self._select] = [value]

    def _put(self, name: str, value: str) -> None:
        self.found[-1][1].setdefault(name, []).append(value)


#: What people write where a form is empty; `N` is another number for each form. Names and titles are always written anew.
WORDS: Final = {
    **dict.fromkeys(["name", "name_0", "title_0", "label_0", "affiliation", "subject_0"], "Tea N"),
    **dict.fromkeys(["comment", "note", "tagline_0", "reason"], "Tea N"),
    "body_0": "Hello.",
    "email": "teaN@example.org",
    **dict.fromkeys(["size", "amount"], "2N"),
    **dict.fromkeys(["starts_on", "ends_on"], "2027-07-01"),
    "starts": "10:00",
    "ends": "10:30",
    "slug": "tea-N",
}
ANEW: Final = {"name", "name_0", "title_0", "label_0", "affiliation", "subject_0"}

#: They show something and write nothing.
READ: Final = {
    "events:mail_preview",
    "events:preview_campaign_words",
    "events:campaign_reach",
    "registrations:preview_question",
}
#: Each answer is a calendar of its own, with a secret that nobody else has; what nobody asks for is swept.
ANEW_EACH_TIME: Final = {"scheduling:agendas"}
#: Allauth's, and doors to them.
NOT_OURS: Final = ("accounts/", "design/", "mail/reports/")
#: In this order after the others: whatever needs what was made before, and whatever takes it away.
LAST: Final = [
    *(
        "send",
        "pause",
        "resume",
        "tracks/order/",
        "state/",
        "erase/",
        "reset/",
        "delete/",
        "restore/",
        "cancel/",
        "reject/",
    ),
    *("retry/", "remove/", "withdraw/", "release/", "detach/"),
]
#: Tables that say nothing about an effect.
NOT_COUNTED: Final = {"django_session", "common_idempotencykey"}


class Sender:
    """Somebody who may do everything at an event, in as many windows as they like."""

    def __init__(self, slug: str) -> None:
        organisation = make_organisation(slug)
        self.world = make_world(f"{slug}-2027", organisation)
        self.user = make_user(f"{slug}@example.org", is_staff=True)
        self.client = self._window()
        self.client.force_login(self.user)
        self._prepare(slug)

    def _window(self) -> Client:
        return Client(headers={"accept-language": "en"}, raise_request_exception=False)

    def _prepare(self, slug: str) -> None:
        """A row of its own for each that changes what it is about for good; and what a form's page does not say."""
        event, organisation = self.world.event, self.world.event.organisation
        quota, ticket = make_quota(event), make_ticket(event)
        other = make_event(organisation=organisation)
        make_question(other)
        # An organisation has somebody who manages its teams.
        join(organisation.teams.get(all_events=True), self.user)
        team = make_team(organisation, ["edit_event"])
        member = join(team, make_user())
        invitation = teams.invite(team=team, email="new@example.org", actor=self.user, now=timezone.now())
        another = teams.invite(team=team, email=self.user.email, actor=self.user, now=timezone.now())
        last = make_ticket(event, 1, offer_hours=48)
        first, offered = register(last), register(last)
        cancel(first, now=timezone.now())
        pending = make_ticket(event, requires_approval=True)
        news = Notice(
            to=Recipient(email="news@example.org"),
            about=f"news:{slug}",
            context=rendering.example_context(CONFIRMED),
            event_id=event.pk,
        )
        ledger.notify(kind=CONFIRMED, notice=news, now=timezone.now())
        mail = Message.objects.get(about=f"news:{slug}")
        url = rendering.unsubscribe_url(mail)
        make_track(event)
        make_room(event)
        empty = make_room(event)
        attached = EventRoom.objects.filter(event=event)

        def of(registration: Any) -> Values:
            return {"registrations code": registration.code, "registrations secret": registration.secret}

        def fresh() -> Values:
            return of(register(ticket))

        begun = campaigns.create_campaign(
            event_id=event.pk,
            subject="Tea",
            body="Hello.",
            audiences={"registrations": {}},
            actor=None,
            now=timezone.now(),
        )
        campaigns.send_campaign(campaign=begun, actor=None, now=timezone.now())
        answered = AnswerFile.objects.get(event=event).question_id
        self.rows: dict[str, Values] = {
            **{
                f"registrations:{name}": fresh()
                for name in ("erase", "cancel", "cancel_for", "move", "change_products")
            },
            **{f"registrations:{name}": of(register(pending)) for name in ("approve", "reject")},
            **{f"api:registration-{name}": of(register(pending)) for name in ("approve", "reject")},
            "api:registration-cancel": fresh(),
            **{f"api:campaign-{name}": {"campaigns pk": begun.pk} for name in ("pause", "resume")},
            **{name: of(offered) for name in ("registrations:answer_offer", "api:registration-accept-offer")},
            **{f"registrations:{name}_question": {"questions pk": answered} for name in ("delete", "restore")},
            "registrations:delete_product": {"products pk": make_product(event).pk},
            "registrations:delete_quota": {"quotas pk": make_quota(event).pk},
            "registrations:delete_ticket": {"tickets pk": make_ticket(event).pk},
            "submissions:delete_speaker": {"speakers code": make_speaker(event).code},
            "scheduling:remove_slot": {"slots pk": make_slot(event, submission=make_submission(event)).pk},
            **{
                f"events:{name}": {
                    "teams pk": team.pk,
                    "members member": member.pk,
                    "invitations invitation": invitation.pk,
                }
                for name in ("team", "invite", "remove_member", "withdraw_invitation")
            },
            "events:delete_team": {"teams pk": make_team(organisation, ["edit_event"]).pk},
            "events:detach_room": {"rooms pk": empty.pk},
            "events:invitation": {"invitations secret": another.secret},
            "notifications:unsubscribe": {"unsubscribe token": url.rpartition("/")[2]},
        }
        people = f"name,email,ticket\nTea,import@{slug}.example,{ticket.name}\n"
        programme = "title,start,end,room\nTea,2027-06-08 09:00,2027-06-08 09:30,Hall\n"
        self._values: dict[str, Values] = {
            "registrations:answer_offer": {"answer": "accept"},
            "registrations:agenda": {"address": create_agenda(event=event, codes=(), now=timezone.now())[1]},
            "registrations:change_products": {f"product_{self.world.values['products pk']}": "1"},
            "registrations:move": {"ticket_type": make_ticket(event).pk},
            "registrations:new_product": {"quotas": quota.pk},
            "registrations:new_ticket": {"quotas": quota.pk},
            "registrations:copy_questions": {"source": other.pk},
            "registrations:order_questions": {"order": [f"question-{answered}"]},
            **{f"registrations:{name}": {"ticket_type": ticket.pk} for name in ("register", "add")},
            "registrations:register_group": {
                **{f"person-{n}-ticket_type": ticket.pk for n in (1, 2)},
                **{f"person-{n}-name": "Tea" for n in (1, 2)},
                **{f"person-{n}-email": f"tea{n}@{slug}.example" for n in (1, 2)},
            },
            "registrations:import": {"packed": base64.b64encode(people.encode()).decode(), "name": "people.csv"},
            "registrations:save_segment": {"name": "Tea", "query": "country=CN"},
            "scheduling:import": {"packed": pack(programme.encode()), "name": "programme.csv"},
            "events:holds": {"start": "2027-06-08T08:00", "end": "2027-06-08T18:00"},
            "events:attach_room": {"room": make_room(other).pk},
            "events:order_rooms": {"item": attached.order_by("-position")[0].room_id, "to": "up"},
            "events:order_tracks": {"item": event.tracks.order_by("-position")[0].pk, "to": "up"},
            **{f"events:{name}": {"permissions": ["edit_event"]} for name in ("team", "new_team")},
        }

    # -- What is sent ------------------------------------------------------------------------------------------------------

    def url(self, address: Address) -> str:
        return address.filled({**self.world.values, **self.rows.get(address.name, {})})

    def methods(self, address: Address) -> set[str]:
        answer = self.client.options(self.url(address))
        # It would be passed over; the last of all addresses is where nothing is.
        assert answer.status_code != 404 or address.name == "api:nothing", address.name
        return set(answer.headers.get("Allow", "").split(", "))

    def form(self, address: Address, number: int) -> Values:
        """As the page that has it shows it, with the empty fields filled in."""
        url = self.url(address)
        values = self._shown(url)
        for name, (value, *_more) in values.items():
            if name in WORDS and (not value or name in ANEW):
                values[name] = [WORDS[name].replace("N", str(number))]
        return {**values, **self._values.get(address.name, {})}

    def _shown(self, url: str) -> Values:
        """On its own page, or on the one above it that has the button; or else what every form has."""
        page = url
        while page.count("/") > 2:
            for action, fields in self._forms_of(page):
                if action == url:
                    return fields
            page = page.rstrip("/").rpartition("/")[0] + "/"
        return {TOKEN: self._forms_of("/me/profile/")[0][1][TOKEN]}

    def _forms_of(self, page: str) -> list[tuple[str, Values]]:
        answer = self.client.get(page)
        is_page = answer.status_code == 200 and "html" in answer["Content-Type"]
        return _Forms(answer.content.decode(), page).found if is_page else []

    def send(
        self,
        url: str,
        bodies: Sequence[Values | bytes],
        *,
        method: str = "POST",
        answers: list[Any] | None = None,
        **how: Any,
    ) -> list[Any]:
        """The answers, of all at the same instant; into `answers`, as they come."""
        barrier, answers = threading.Barrier(len(bodies)), [] if answers is None else answers

        def send_one(body: Values | bytes) -> None:
            try:
                window = self._window()
                window.cookies = self.client.cookies
                # What is encoded already goes as it is.
                ask = partial(window.generic, method) if isinstance(body, bytes) else window.post
                barrier.wait(20)
                answers.append(ask(url, body, **how))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=send_one, args=[body]) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def send_having_read_the_same(self, url: str, bodies: Sequence[Values | bytes], **how: Any) -> list[Any]:
        """The answers, where nobody could write before each had read all that they go by, or was waiting for another."""
        answers = list[Any]()
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic(), connection.cursor() as cursor:
                # Rows can be read, and locked.
                cursor.execute(f"LOCK TABLE {', '.join(TABLES)} IN SHARE MODE")
                sent = pool.submit(self.send, url, bodies, answers=answers, **how)
                while not sent.done() and waiting() + len(answers) < len(bodies):
                    time.sleep(0.01)
            return sent.result()


TOKEN: Final = "csrfmiddlewaretoken"


TABLES: Final = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)} - NOT_COUNTED)


def rows() -> dict[str, int]:
    """Of every table."""
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES))
        return dict(cursor.fetchall())


def waiting() -> int:
    """How many wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


@dataclass(frozen=True)
class Effect:
    #: Of the answers, in order.
    statuses: list[int]
    #: How many of them differ.
    answers: int
    #: How many rows more or fewer there are, by table.
    rows: dict[str, int]


def _sorted(answer: Any) -> str:
    return json.dumps(answer.json(), sort_keys=True) if "json" in answer.get("Content-Type", "") else ""


def effect(act: Callable[[], list[Any]]) -> Effect:
    before = rows()
    answers = act()
    after = rows()
    changed = {table: after[table] - before[table] for table in after if after[table] != before[table]}
    return Effect(
        statuses=sorted(answer.status_code for answer in answers),
        answers=len({_sorted(answer) for answer in answers}),
        rows=changed,
    )


def in_order(addresses: Iterable[Address]) -> list[Address]:
    return sorted(addresses, key=lambda a: max((LAST.index(word) + 1 for word in LAST if word in a.route), default=0))


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def pages(only: Collection[str] = ()) -> list[Address]:
    ours = [address for address in ALL if address not in API and not address.route.startswith(NOT_OURS)]
    return [address for address in ours if address.name not in ANEW_EACH_TIME and (not only or address.name in only)]


def compare_forms(only: Collection[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """What went wrong by address, and what had no effect even once."""
    once, twice = Sender("once"), Sender("twice")
    wrong, idle = {}, []
    for number, address in enumerate(in_order(a for a in pages(only) if "POST" in once.methods(a)), 1):
        first, second = once.form(address, number), twice.form(address, number + 500)
        expected = effect(partial(once.send, once.url(address), [first]))
        found = effect(partial(twice.send, twice.url(address), [second] * TIMES))
        if found.rows != expected.rows or max(found.statuses) >= 500:
            wrong[address.name] = expected, found
        if not expected.rows:
            idle.append(address.name)
    return wrong, idle


def test_every_form_sent_twice_at_once_has_the_effect_of_one() -> None:
    wrong, idle = compare_forms()
    assert wrong == {}
    # So it means something that nothing more happened.
    assert set(idle) == READ


def test_control_without_the_kept_answer_forms_have_their_effect_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {"registrations:new_quota", "events:new_track", "events:new_rule", "events:test_rule"}
    monkeypatch.setattr(OneEffectMiddleware, "process_view", lambda *_: None)
    assert set(compare_forms(forms)[0]) == forms


# -- People who do the same at once -----------------------------------------------------------------------------------------

#: Whatever they take away is taken away once; the same may well be made twice.
TAKING_AWAY: Final = ("erase/", "delete/", "cancel/", "reject/", "remove/", "withdraw/", "release/", "detach/")


def compare_people(only: Collection[str] = ()) -> dict[str, Any]:
    """What went wrong by address, where each sends the form of a page of their own."""
    once, twice = Sender("once"), Sender("twice")
    wrong = {}
    for number, address in enumerate(in_order(a for a in pages(only) if "POST" in once.methods(a)), 1):
        form, forms = once.form(address, number), [twice.form(address, number + 500) for _person in range(TIMES)]
        expected = effect(partial(once.send, once.url(address), [form]))
        found = effect(partial(twice.send_having_read_the_same, twice.url(address), forms))
        is_once = found.rows == expected.rows or not address.route.endswith(TAKING_AWAY)
        if max(found.statuses) >= 500 or not is_once:
            wrong[address.name] = expected, found
    return wrong


def test_people_who_send_the_same_form_at_once_meet_no_fault() -> None:
    assert compare_people() == {}


def test_control_people_meet_faults_where_nobody_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {"events:new", "events:delete_track"}
    monkeypatch.setattr(middleware, "is_lost_race", lambda _error: False)
    assert set(compare_people(forms)) == forms


@contextmanager
def meanwhile(table: str, act: Callable[[], Any]) -> Iterator[Future[Any]]:
    """What is done in here is committed after `act` has read, and before it writes to this table."""
    with ThreadPoolExecutor(1) as pool, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        done = pool.submit(act)
        while not done.done() and not waiting():
            time.sleep(0.01)
        yield done


def together(sender: Sender, name: str, **values: str) -> list[Any]:
    (address,) = [address for address in ALL if address.name == name]
    forms = [{**sender.form(address, 1), **values} for _person in range(3)]
    return sorted(sender.send_having_read_the_same(sender.url(address), forms), key=lambda answer: answer.status_code)


def test_an_address_goes_to_one_of_them_and_the_others_are_asked_for_another() -> None:
    others = together(Sender("two"), "events:new", slug="tea", name_0="Fermented tea")
    assert [answer.status_code for answer in others] == [200, 200, 302]
    for page in (answer.content.decode() for answer in others[:2]):
        assert "Another event has this address already. Choose another." in page
        assert 'value="tea"' in page
        assert 'value="Fermented tea"' in page
    assert Event.objects.filter(slug="tea").count() == 1


def test_an_address_that_is_made_from_the_name_is_another_for_each() -> None:
    sender = Sender("two")
    events = together(sender, "events:new", slug="", name_0="Fermented tea")
    organisations = together(sender, "events:new_organisation", name_0="Tea research")
    assert {answer.status_code for answer in [*events, *organisations]} == {302}
    assert Event.objects.filter(slug__startswith="fermented-tea").count() == 3
    assert Organisation.objects.filter(slug__startswith="tea-research").count() == 3


def test_what_somebody_else_has_deleted_is_not_there_any_more() -> None:
    sender = Sender("two")
    sender.rows["registrations:delete_question"] = {"questions pk": make_question(sender.world.event).pk}
    answers = together(sender, "registrations:delete_question")
    assert [answer.status_code for answer in answers] == [302, 404, 404]
    assert AuditEntry.objects.filter(verb="question_deleted").count() == 1


def test_a_ticket_does_not_count_in_a_quota_that_somebody_deletes_meanwhile() -> None:
    sender = Sender("two")
    (address,) = [address for address in ALL if address.name == "registrations:new_ticket"]
    form = sender.form(address, 1)
    with meanwhile("registrations_tickettype", partial(sender.send, sender.url(address), [form])) as sent:
        Quota.objects.filter(pk=form["quotas"]).delete()
    (answer,) = sent.result()
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'aria-invalid="true"' in page
    assert "The ticket is" not in page
    assert not TicketType.objects.filter(quotas=None).exists()


def test_a_profile_is_saved_by_somebody_who_is_registered_by_others_meanwhile() -> None:
    sender = Sender("two")
    (address,) = [address for address in ALL if address.name == "accounts:profile"]
    form = sender.form(address, 1)
    with meanwhile("accounts_person", partial(sender.send, sender.url(address), [form])) as sent:
        make_person("Two", email=sender.user.email)
    (answer,) = sent.result()
    assert answer.status_code == 302
    assert Person.objects.with_address(sender.user.email).get().user == sender.user


def test_what_has_answers_is_kept_and_can_be_deleted_by_several() -> None:
    answers = together(Sender("two"), "registrations:delete_question")
    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert AuditEntry.objects.filter(verb="question_deleted").count() == 1


# -- The API -----------------------------------------------------------------------------------------------------------------

#: Name of a field → the parameter of addresses that has the id of such a thing.
REFERS: Final = {
    "room": "rooms pk",
    "track": "tracks pk",
    "ticket_type": "tickets pk",
    "product": "products pk",
    "section": "sections section",
    "submission": "submissions code",
    "registration": "registrations code",
    "secret": "registrations secret",
    "quotas": "quotas pk",
    "speakers": "speakers code",
    "organisation": "organisations slug",
    "ticket_types": "tickets pk",
}


class Program(Sender):
    """The same by API."""

    @cached_property
    def description(self) -> dict[str, Any]:
        return description()

    def body(self, address: Address, number: int) -> tuple[Any, str]:
        """The example of its description, about things that are here."""
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{address.route}")
        (operation,) = [
            operations["post"]
            for described, operations in self.description["paths"].items()
            if described.replace("{id}", "{pk}") == path
        ]
        content = operation.get("requestBody", {}).get("content", {})
        if "multipart/form-data" in content:
            question = Question.objects.get(pk=self.rows["registrations:delete_question"]["questions pk"])
            given = {"question": question.identifier, "file": SimpleUploadedFile("card.pdf", PDF)}
            return encode_multipart(BOUNDARY, given), MULTIPART_CONTENT
        return self._example(content, number), "application/json"

    def _example(self, content: Any, number: int) -> Any:
        if not content:
            return {}
        return self._here(content["application/json"]["examples"]["Example"]["value"], number)

    def _here(self, example: Any, number: int, name: str = "") -> Any:
        if isinstance(example, dict):
            return {key: self._here(value, number, key) for key, value in example.items()}
        if isinstance(example, list):
            return [self._here(value, number + n * 1000, name) for n, value in enumerate(example)]
        if name == "email":
            return f"by-api-{number}@example.org"
        if name == "slug":
            return f"by-api-{number}"
        if name == "recipient":
            return self.world.event.registrations.get(code=self.world.values["registrations code"]).email
        return self.world.values[REFERS[name]] if name in REFERS and example else example


def test_every_post_to_the_api_sent_twice_at_once_with_one_key_has_the_effect_of_one() -> None:
    once, twice = Program("once"), Program("twice")
    wrong, idle = {}, []
    for number, address in enumerate(in_order(a for a in API if "POST" in once.methods(a)), 1):
        (first, kind), (second, _kind) = once.body(address, number), twice.body(address, number + 500)
        how: Values = {"content_type": kind, "headers": {"Idempotency-Key": f"key {number}"}}
        expected = effect(partial(once.send, once.url(address), [first], **how))
        found = effect(partial(twice.send, twice.url(address), [second] * TIMES, **how))
        if found.rows != expected.rows or found.answers != 1:
            wrong[address.name] = expected, found
        if not expected.rows:
            idle.append(address.name)
    assert wrong == {}
    assert idle == []


def test_programs_that_ask_the_same_at_once_without_a_key_meet_no_fault() -> None:
    sender = Program("two")
    faults = {}
    for number, address in enumerate(in_order(a for a in API if "POST" in sender.methods(a)), 1):
        body, kind = sender.body(address, number)
        bodies = [body if isinstance(body, bytes) else json.dumps(body).encode()] * TIMES
        answers = sender.send_having_read_the_same(sender.url(address), bodies, content_type=kind)
        if max(answer.status_code for answer in answers) >= 500:
            faults[address.name] = answers
    assert faults == {}


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["without a key", "with a key"])
def test_a_program_is_told_what_was_deleted_meanwhile(headers: dict[str, str]) -> None:
    sender = Program("two")
    quota = make_quota(sender.world.event)
    body = json.dumps({"name": "Tea", "quotas": [quota.pk]}).encode()
    url = f"/api/v1/events/{sender.world.event.slug}/ticket-types/"
    ask = partial(sender.send, url, [body], content_type="application/json", headers=headers)
    with meanwhile("registrations_tickettype", ask) as sent:
        Quota.objects.filter(pk=quota.pk).delete()
    (answer,) = sent.result()
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")
    # Nothing was done and nothing is kept, so that it can be asked again.
    (again,) = ask()
    assert (again.status_code, again.json()["problems"][0]["field"]) == (400, "quotas")


def test_a_program_that_lost_an_address_asks_again_with_its_key() -> None:
    sender = Program("two")
    (address,) = [address for address in API if address.route == "api/v1/events/"]
    body, kind = sender.body(address, 1)
    encoded = [json.dumps(body).encode()]
    ask = partial(sender.send, "/api/v1/events/", encoded, content_type=kind, headers={"Idempotency-Key": "k"})
    with meanwhile("events_event", ask) as sent:
        make_event(body["slug"], organisation=sender.world.event.organisation)
    (answer,) = sent.result()
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")
    (again,) = ask()
    assert (again.status_code, again.json()["problems"][0]["field"]) == (400, "slug")


def test_programs_that_delete_the_same_at_once_delete_it_once() -> None:
    once, twice = Program("once"), Program("twice")
    wrong = {}
    for address in (address for address in API if "DELETE" in once.methods(address)):
        expected = effect(partial(once.send, once.url(address), [b""], method="DELETE"))
        found = effect(partial(twice.send_having_read_the_same, twice.url(address), [b""] * TIMES, method="DELETE"))
        if max(found.statuses) >= 500 or found.rows != expected.rows:
            wrong[address.name] = expected, found
    assert wrong == {}
