"""What an event offers and asks is kept between requests, and never a moment longer than it is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from events.models import Event
from notifications.models import MailTemplate, Message
from registrations.models import Product, Question, QuestionSection, TicketType
from registrations.services.setups import Setup, setup_at, setup_of
from tests.factories.events import make_event, make_venue
from tests.factories.registrations import (
    make_choice,
    make_product,
    make_question,
    make_quota,
    make_section,
    make_ticket,
    register,
)

pytestmark = pytest.mark.django_db

ADDRESS = "/food-2027/register/"


@pytest.fixture
def whole(event: Event) -> Event:
    """An event with something of everything that its setup shows."""
    event.venue = make_venue(event, "Lakeside Hall")
    event.save()
    ticket = make_ticket(event)
    make_product(event).ticket_types.add(ticket)
    make_choice(event, "meals", section=make_section(event, "Food"), ticket_types=[ticket])
    MailTemplate.objects.create(event_id=event.pk, kind="registration_confirmed", subject={"en": "Yes"}, body={})
    return event


def _save(thing: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(thing, name, value)
    thing.save()


#: By whatever way a row is changed, past services and managers alike.
CHANGES: dict[str, Callable[[Event], object]] = {
    "event": lambda event: Event.objects.filter(pk=event.pk).update(currency="EUR"),
    "organisation": lambda event: _save(event.organisation, name={"en": "Another host"}),
    "venue": lambda event: _save(event.venue, name={"en": "Another hall"}),
    "a ticket": lambda event: TicketType.objects.filter(event=event).update(price=5),
    "a ticket more": make_ticket,
    "a ticket's quotas": lambda event: event.ticket_types.get().quotas.set([make_quota(event)]),
    "a product": lambda event: Product.objects.filter(event=event).update(position=4),
    "no product": lambda event: Product.objects.filter(event=event).delete(),
    "a product's quotas": lambda event: event.products.get().quotas.clear(),
    "a product's tickets": lambda event: event.products.get().ticket_types.clear(),
    "a question": lambda event: Question.objects.filter(event=event).update(is_required=True),
    "a question more": make_question,
    "a question's tickets": lambda event: event.questions.get().ticket_types.clear(),
    "a section": lambda event: QuestionSection.objects.filter(event=event).update(position=7),
    "words of mails": lambda event: MailTemplate.objects.filter(event_id=event.pk).update(subject="Come"),
    "no words of mails": lambda event: MailTemplate.objects.filter(event_id=event.pk).delete(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_by_the_next_who_asks(whole: Event, change: str) -> None:
    before = setup_of(whole)
    assert setup_of(whole) is before
    CHANGES[change](whole)

    after = setup_at(whole.slug)
    assert after
    assert after.revision > before.revision
    assert setup_of(whole) is after


def test_without_its_trigger_a_change_would_be_missed(whole: Event) -> None:
    before = setup_of(whole)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE registrations_question DISABLE TRIGGER registrations_question_revises")
    CHANGES["a question"](whole)

    assert setup_of(whole) is before


def test_a_change_of_another_event_is_none_of_this_one(whole: Event) -> None:
    before = setup_of(whole)
    make_ticket(make_event("tea-2027"))

    assert setup_of(whole) is before


def test_what_was_read_in_a_change_that_is_taken_back_is_not_kept(whole: Event) -> None:
    before = setup_of(whole)
    with transaction.atomic():
        make_question(whole, "never")
        assert "never" in [question.identifier for question in setup_of(whole).questions]
        transaction.set_rollback(True)
    assert setup_of(whole).revision == before.revision
    assert [question.identifier for question in setup_of(whole).questions] == ["meals"]
    make_question(whole, "later")
    assert {question.identifier for question in setup_of(whole).questions} == {"meals", "later"}


def test_places_are_counted_anew_each_time(whole: Event, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ticket = make_ticket(whole, 3)
    setup = setup_of(whole)
    (quota,) = setup.counting.tickets[ticket.pk]
    assert setup.places_left()[quota] == 3
    register(ticket)

    assert setup_of(whole) is setup
    with django_assert_num_queries(1):
        assert setup.places_left()[quota] == 2


def test_an_event_that_there_is_not_has_no_setup() -> None:
    assert setup_at("nowhere") is None


# -- The form as everybody first sees it --------------------------------------------------------------------------------


def tokens_in(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(csrfmiddlewaretoken|token)" value="([^"]+)"', page))


def test_each_reader_gets_tokens_of_their_own_in_the_same_page(event: Event) -> None:
    make_ticket(event)
    readers = [Client(headers={"accept-language": "en"}, enforce_csrf_checks=True) for _ in range(2)]
    pages = [reader.get(ADDRESS).content.decode() for reader in readers]
    first, second = map(tokens_in, pages)

    assert first.keys() == second.keys() == {"csrfmiddlewaretoken", "token"}
    assert not set(first.values()) & set(second.values())
    for name in first:
        pages[1] = pages[1].replace(second[name], first[name])
    assert pages[0] == pages[1]


def test_the_token_of_a_kept_page_opens_the_form(event: Event) -> None:
    ticket = make_ticket(event)
    filled = {"ticket_type": ticket.pk, "name": "Ada Lovelace", "language": "en"}
    for number in range(2):
        reader = Client(headers={"accept-language": "en"}, enforce_csrf_checks=True)
        tokens = tokens_in(reader.get(ADDRESS).content.decode())
        answer = reader.post(ADDRESS, {**filled, **tokens, "email": f"ada{number}@example.org"})
        assert answer.status_code == 302
    assert Message.objects.count() == 2


def test_the_kept_page_says_how_many_places_are_left(event: Event) -> None:
    ticket = make_ticket(event, 3)
    reader = Client(headers={"accept-language": "en"})
    assert "3 places left" in reader.get(ADDRESS).content.decode()
    register(ticket)
    assert "2 places left" in reader.get(ADDRESS).content.decode()
    assert "剩余 2 个名额" in Client(headers={"accept-language": "zh-hans"}).get(ADDRESS).content.decode()


def test_the_page_of_somebody_known_is_theirs_alone(event: Event, as_user: Any, organizer: Any) -> None:
    make_ticket(event)
    stranger = Client(headers={"accept-language": "en"})
    stranger.get(ADDRESS)
    assert organizer.email in as_user(organizer).get(ADDRESS).content.decode()
    assert organizer.email not in stranger.get(ADDRESS).content.decode()


def test_a_setup_is_not_changed_by_who_registers_with_it(whole: Event) -> None:
    setup: Setup = setup_of(whole)
    words = [str(question.label) for question in setup.questions]
    register(make_ticket(whole))
    assert [str(question.label) for question in setup.questions] == words
    assert not setup.event.get_deferred_fields()
