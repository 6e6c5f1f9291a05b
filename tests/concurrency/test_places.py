"""Races for places, on a real PostgreSQL with as many connections as racers.

Each race has its control: the same race without the guard goes wrong, so that a pass means something.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from accounts.models import Person
from common.problems import Refusal
from events.models import Event
from notifications.models import Message
from registrations.models import HOLDS_A_PLACE, Quota, Registration, TicketType
from registrations.services import places, promotion, tickets
from tests.factories.registrations import NOW, make_quota, make_ticket, register

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

#: Connections at once; the embedded PostgreSQL takes 100.
RACERS = 32


def race(count: int, work: Callable[[int], Any], *, racers: int = RACERS) -> list[Any]:
    """`work(n)` for each n below `count`, `racers` at a time, begun together. What it raises is returned as its answer."""
    barrier = threading.Barrier(min(racers, count))
    started = threading.local()

    def run(number: int) -> Any:
        if not hasattr(started, "yes"):
            started.yes = True
            connection.ensure_connection()
            barrier.wait(20)
        try:
            return work(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(min(racers, count), initializer=lambda: None) as pool:
        answers = list(pool.map(run, range(count)))
        # Each thread closes its own connection, or the test database could not be dropped.
        list(pool.map(lambda _: (time.sleep(0.02), connections.close_all()), range(min(racers, count))))
    return answers


def errors_in(answers: Sequence[Any]) -> list[Exception]:
    return [answer for answer in answers if isinstance(answer, Exception)]


def assert_at_rest(event: Event) -> None:
    """What must be true whenever nothing is under way: the counters are what they count, and nobody waits beside a free
    seat."""
    for quota in Quota.objects.filter(event=event):
        held = Registration.objects.filter(ticket_type__quotas=quota, state__in=HOLDS_A_PLACE).count()
        assert quota.taken == held, f"{quota.name}: counter {quota.taken}, held {held}"
        assert 0 <= quota.taken <= quota.size
    waiting = Registration.objects.filter(event=event, state="waiting").values_list("ticket_type", flat=True).distinct()
    for ticket in TicketType.objects.filter(pk__in=list(waiting)).prefetch_related("quotas"):
        assert any(quota.available == 0 for quota in ticket.quotas.all()), f"somebody waits beside a free {ticket.name}"


# -- Seats --------------------------------------------------------------------------------------------------------------


def test_400_clients_for_200_seats_are_200_confirmed_and_200_waiting(event: Event) -> None:
    ticket = make_ticket(event, 200)
    answers = race(400, lambda n: register(ticket, f"guest{n}@example.org").state)
    assert errors_in(answers) == []
    assert Counter(answers) == {"confirmed": 200, "waiting": 200}
    assert Message.objects.filter(event_id=event.pk).count() == 400
    assert_at_rest(event)


def test_200_clients_for_10_seats_without_a_waiting_list_are_10_confirmed_and_190_told(event: Event) -> None:
    ticket = make_ticket(event, 10, waiting_list=False)
    answers = race(200, lambda n: register(ticket, f"guest{n}@example.org").state)
    refused = errors_in(answers)
    assert {problem.code for error in refused if isinstance(error, Refusal) for problem in error.problems} == {
        "sold_out"
    }
    assert (len(refused), answers.count("confirmed")) == (190, 10)
    # Who was refused left nothing behind.
    assert (Registration.objects.count(), Message.objects.count(), Person.objects.count()) == (10, 10, 10)
    assert_at_rest(event)


def test_without_the_conditional_update_the_same_race_oversells(event: Event) -> None:
    """The control: look whether there is room, then write. This is how limits are usually kept, and it does not hold."""
    ticket = make_ticket(event, 10)
    row = register(ticket, "template@example.org")

    def look_then_write(number: int) -> str:
        if Registration.objects.filter(event=event, state__in=HOLDS_A_PLACE).count() >= 10:
            return "full"
        time.sleep(0.005)  # the rest of a request
        Registration.objects.create(
            event=event,
            ticket_type=ticket,
            person_id=row.person_id,
            state="confirmed",
            name=f"Guest {number}",
            email=f"control{number}@example.org",
            email_key=f"control{number}@example.org",
            language="en",
            currency="CNY",
            registered_at=NOW,
            state_changed_at=NOW,
        )
        return "confirmed"

    race(100, look_then_write)
    assert Registration.objects.filter(event=event, state__in=HOLDS_A_PLACE).count() > 10


def test_tickets_that_share_quotas_in_any_order_do_not_lock_each_other(event: Event) -> None:
    hall, students, dinner = make_quota(event, 40), make_quota(event, 15), make_quota(event, 10)
    offered = [
        make_ticket(event, quotas=[hall]),
        make_ticket(event, quotas=[students, hall]),
        make_ticket(event, quotas=[dinner, hall]),
        make_ticket(event, quotas=[dinner, students]),
    ]
    answers = race(160, lambda n: register(offered[n % 4], f"guest{n}@example.org").state)
    assert errors_in(answers) == []
    assert_at_rest(event)
    cancelled = list(Registration.objects.filter(event=event, state="confirmed"))
    answers = race(
        len(cancelled), lambda n: places.cancel_registration(registration=cancelled[n], actor=None, now=NOW).state
    )
    assert errors_in(answers) == []
    assert_at_rest(event)


# -- Storms -------------------------------------------------------------------------------------------------------------


def test_cancel_5_while_50_join(event: Event) -> None:
    ticket = make_ticket(event, 20)
    first = [register(ticket, f"first{n}@example.org") for n in range(20)]

    def act(number: int) -> str:
        if number % 11 == 0:
            return places.cancel_registration(registration=first[number // 11], actor=None, now=NOW).state
        return register(ticket, f"guest{number}@example.org").state

    answers = race(55, act)
    assert errors_in(answers) == []
    assert Registration.objects.filter(event=event, state="confirmed").count() == 20
    assert_at_rest(event)


@pytest.mark.timeout(120)
def test_a_storm_of_all_that_moves_places_keeps_every_count_at_every_commit(event: Event) -> None:
    hall, lab = make_quota(event, 12, "Hall"), make_quota(event, 6, "Laboratory")
    offered = [make_ticket(event, quotas=[hall]), make_ticket(event, quotas=[hall, lab], requires_approval=True)]
    until = time.monotonic() + 5
    numbers = iter(range(1_000_000))
    seen: list[str] = []

    def look() -> None:
        """A reader beside the storm: one statement is one snapshot, so every row of it must fit."""
        while time.monotonic() < until:
            with connection.cursor() as cursor:
                cursor.execute(
                    """
                    SELECT q.name, q.taken, q.size, count(r.id) FROM registrations_quota q
                    LEFT JOIN registrations_tickettype_quotas t ON t.quota_id = q.id
                    LEFT JOIN registrations_registration r ON r.ticket_type_id = t.tickettype_id AND r.state = ANY(%s)
                    WHERE q.event_id = %s GROUP BY q.id
                    """,
                    [sorted(HOLDS_A_PLACE), event.pk],
                )
                seen.extend(
                    f"{name}: {taken} of {size}, held by {held}"
                    for name, taken, size, held in cursor.fetchall()
                    if taken != held or not 0 <= taken <= size
                )

    def storm(seed: int) -> str:
        dice = random.Random(seed)
        if seed == 0:
            look()
            return "looked"
        while time.monotonic() < until:
            live = list(Registration.objects.live().filter(event=event).order_by("?")[:1])
            what = dice.random()
            try:
                if what < 0.5 or not live:
                    register(dice.choice(offered), f"guest{seed}-{next(numbers)}@example.org")
                elif what < 0.8:
                    places.cancel_registration(registration=live[0], actor=None, now=NOW)
                elif what < 0.9:
                    places.reject(registration=live[0], actor=None, now=NOW)
                else:
                    quota = dice.choice([hall, lab])
                    size = dice.randrange(4, 16)
                    tickets.resize_quota(quota=Quota.objects.get(pk=quota.pk), size=size, actor=None, now=NOW)
            except Refusal:
                pass
        return "ended"

    answers = race(17, storm, racers=17)
    assert errors_in(answers) == []
    assert seen == []
    assert_at_rest(event)
    assert Registration.objects.filter(event=event).count() > 50


# -- The same person, the same button -----------------------------------------------------------------------------------


def test_the_same_person_twice_at_once_is_one_registration(event: Event) -> None:
    ticket = make_ticket(event, 50)
    answers = race(16, lambda n: register(ticket, ("same@example.org", "Same@Example.ORG")[n % 2]).state)
    refused = errors_in(answers)
    assert {problem.code for error in refused if isinstance(error, Refusal) for problem in error.problems} == {
        "already_registered"
    }
    assert (answers.count("confirmed"), len(refused), Registration.objects.count()) == (1, 15, 1)
    assert_at_rest(event)


def test_the_same_person_with_two_tickets_at_once_is_one_registration(event: Event) -> None:
    one, other = make_ticket(event, 5), make_ticket(event, 5)
    answers = race(12, lambda n: register((one, other)[n % 2], "same@example.org").state)
    assert (answers.count("confirmed"), Registration.objects.count()) == (1, 1)
    assert_at_rest(event)


def test_one_form_sent_twice_at_once_is_one_registration_and_one_answer(event: Event) -> None:
    ticket = make_ticket(event, 50)
    answers = race(12, lambda n: register(ticket, "same@example.org", form_token="one-form").pk)
    assert errors_in(answers) == []
    assert len(set(answers)) == 1
    assert (Registration.objects.count(), Message.objects.count()) == (1, 1)


def test_a_second_person_at_the_same_form_is_not_taken_for_the_first(event: Event) -> None:
    """A browser's back button brings back the form, hidden value and all; a colleague fills it in anew."""
    ticket = make_ticket(event, 50)
    first = register(ticket, "first@example.org", form_token="one-form")
    second = register(ticket, "second@example.org", form_token="one-form")
    assert first.pk != second.pk


def test_cancelling_twice_at_once_frees_one_place(event: Event) -> None:
    ticket = make_ticket(event, 1)
    first, *line = [register(ticket, f"guest{n}@example.org") for n in range(4)]
    answers = race(8, lambda _: places.cancel_registration(registration=first, actor=None, now=NOW).state, racers=8)
    assert answers == ["cancelled"] * 8
    states = Counter(Registration.objects.filter(pk__in=[r.pk for r in line]).values_list("state", flat=True))
    assert states == {"confirmed": 1, "waiting": 2}
    assert Message.objects.filter(kind="registration_cancelled").count() == 1
    assert Message.objects.filter(kind="place_given").count() == 1
    assert_at_rest(event)


def test_approving_and_rejecting_at_once_is_one_decision(event: Event) -> None:
    ticket = make_ticket(event, 20, requires_approval=True)
    for number in range(10):
        pending = register(ticket, f"guest{number}@example.org")

        def decide(n: int, pending: Registration = pending) -> str:
            service = places.approve if n % 2 else places.reject
            return service(registration=Registration.objects.get(pk=pending.pk), actor=None, now=NOW).state

        answers = race(6, decide, racers=6)
        pending.refresh_from_db()
        assert {answer for answer in answers if isinstance(answer, str)} == {pending.state}
        decided = Message.objects.filter(recipient_key=pending.email_key).exclude(kind="registration_pending")
        assert decided.count() == 1
    assert_at_rest(event)


def test_a_ticket_that_changes_its_quotas_while_people_register_counts_in_the_right_ones(event: Event) -> None:
    hall, annex = make_quota(event, 500, "Hall"), make_quota(event, 500, "Annex")
    ticket = make_ticket(event, quotas=[hall])

    def act(number: int) -> str:
        if number % 12 == 0:
            wanted = [[hall], [annex], [hall, annex]][number // 12 % 3]
            tickets.update_ticket_type(
                ticket_type=TicketType.objects.get(pk=ticket.pk), changes={"quotas": wanted}, actor=None, now=NOW
            )
            return "changed"
        return register(ticket, f"guest{number}@example.org").state

    answers = race(360, act)
    assert errors_in(answers) == []
    assert_at_rest(event)


def test_sweepers_at_once_give_each_place_once(event: Event) -> None:
    ticket = make_ticket(event, 2)
    for number in range(8):
        register(ticket, f"guest{number}@example.org", now=NOW + timedelta(seconds=number))
    # An accident that no service makes: a quota grown by hand.
    Quota.objects.filter(event=event).update(size=5)
    race(6, lambda _: promotion.fill_free_places(now=NOW), racers=6)
    confirmed = Registration.objects.filter(event=event, state="confirmed").order_by("registered_at")
    assert list(confirmed.values_list("email_key", flat=True)) == [f"guest{n}@example.org" for n in range(5)]
    assert Message.objects.filter(kind="place_given").count() == 3
    assert_at_rest(event)
