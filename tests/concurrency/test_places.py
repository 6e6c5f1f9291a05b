"""Races for places, on a real PostgreSQL with as many connections as racers.

Each race has its control: the same race without the guard goes wrong, so that a pass means something.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.models import Person, User
from common.problems import Refusal
from events.models import Event, Organisation
from notifications.models import Message
from registrations.models import (
    HOLDS_A_PLACE,
    LineItem,
    Product,
    Quota,
    Registration,
    RegistrationGroup,
    TicketType,
)
from registrations.services import places, products, promotion, registering, tickets
from registrations.services.registering import Applicant, CannotRegister
from tests.factories.registrations import (
    NOW,
    cancel,
    make_product,
    make_quota,
    make_ticket,
    pay,
    register,
    register_group,
    states_of,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

#: How long the storm lasts: a minute and more where LIHU_STORM_SECONDS says so.
SECONDS = float(os.environ.get("LIHU_STORM_SECONDS", "8"))
#: Connections at once; the embedded PostgreSQL takes 100.
RACERS = 32


def race(count: int, work: Callable[[int], Any], *, racers: int = RACERS) -> list[Any]:
    """`work(n)` for each n below `count`, `racers` at a time, begun together. What it raises is returned as its answer."""
    racers = min(racers, count)
    barrier = threading.Barrier(racers, timeout=60)
    numbers = iter(range(count))
    turn = threading.Lock()
    answers: dict[int, Any] = {}

    def run() -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            while True:
                with turn:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    answers[number] = work(number)
                except Exception as error:
                    answers[number] = error
        finally:
            # Each thread closes its own connection, or the test database could not be dropped.
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(count)]


def errors_in(answers: Sequence[Any]) -> list[Exception]:
    return [answer for answer in answers if isinstance(answer, Exception)]


#: For each quota what holds its places, and what would be wrong about registrations, in one statement: one snapshot.
INVARIANTS = """
    SELECT format('%%s: %%s of %%s, held by %%s', q.name, q.taken, q.size, held.n)
    FROM registrations_quota q CROSS JOIN LATERAL (
        SELECT (
            SELECT count(*) FROM registrations_registration r
            JOIN registrations_tickettype_quotas t ON t.tickettype_id = r.ticket_type_id
            WHERE t.quota_id = q.id AND r.state IN ('pending', 'awaiting_payment', 'confirmed', 'offered')
        ) + (
            SELECT coalesce(sum(l.quantity), 0) FROM registrations_lineitem l
            JOIN registrations_product_quotas p ON p.product_id = l.product_id
            WHERE p.quota_id = q.id AND l.state IN ('held', 'offered')
        ) AS n
    ) held
    WHERE q.event_id = %(event)s AND (q.taken <> held.n OR q.taken NOT BETWEEN 0 AND q.size)
    UNION ALL
    SELECT format('%%s is registered %%s times', r.email_key, count(*)) FROM registrations_registration r
    WHERE r.event_id = %(event)s AND r.state NOT IN ('cancelled', 'rejected', 'expired')
    GROUP BY r.email_key HAVING count(*) > 1
    UNION ALL
    SELECT format('%%s of somebody who is out is %%s', l.id, l.state) FROM registrations_lineitem l
    JOIN registrations_registration r ON r.id = l.registration_id
    WHERE r.event_id = %(event)s AND (
        r.state IN ('cancelled', 'rejected', 'expired') AND l.state NOT IN ('cancelled', 'expired')
        OR r.state IN ('waiting', 'offered') AND l.state IN ('held', 'offered')
    )
    UNION ALL
    SELECT format('%%s is %%s, costs %%s and was charged %%s', r.code, r.state, r.amount, coalesce(m.charged, 0))
    FROM registrations_registration r LEFT JOIN LATERAL (
        SELECT sum(e.amount) FILTER (WHERE e.kind = 'charge') AS charged, sum(e.amount) AS owed
        FROM registrations_ledgerentry e WHERE e.registration_id = r.id
    ) m ON true
    WHERE r.event_id = %(event)s AND (
        coalesce(m.charged, 0) <> CASE WHEN r.state IN ('awaiting_payment', 'confirmed') THEN r.amount ELSE 0 END
        OR r.state = 'awaiting_payment' AND m.owed <= 0
    )
    UNION ALL
    SELECT format('%%s was offered the same place %%s times', m.about, count(*)) FROM notifications_message m
    WHERE m.event_id = %(event)s AND m.kind = 'place_offered' GROUP BY m.about HAVING count(*) > 1
"""


def broken(event: Event) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(INVARIANTS, {"event": event.pk})
        return [row[0] for row in cursor.fetchall()]


def assert_at_rest(event: Event) -> None:
    """What must be true whenever nothing is under way: the counters are what they count, and nobody waits beside a free seat
    in which they fit."""
    assert broken(event) == []
    quotas = {quota.pk: quota.available for quota in Quota.objects.filter(event=event)}
    waiting = Registration.objects.filter(event=event, state="waiting").select_related("ticket_type")
    claims: dict[Any, Counter[int]] = {}
    for registration in waiting:
        claim = claims.setdefault(
            (registration.group_id and f"group {registration.group_id}") or registration.pk, Counter()
        )
        claim.update(registration.ticket_type.quotas.values_list("pk", flat=True))
    lines = LineItem.objects.filter(
        registration__event=event, state="waiting", registration__state__in=["pending", "awaiting_payment", "confirmed"]
    )
    for line in lines.select_related("product"):
        claims[f"line {line.pk}"] = Counter(
            dict.fromkeys(line.product.quotas.values_list("pk", flat=True), line.quantity)
        )
    beside = [who for who, needs in claims.items() if all(quotas[pk] >= count for pk, count in needs.items())]
    assert beside == [], f"wait beside a free seat: {beside}"


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


@dataclass
class Sold:
    """What the storm is about."""

    event: Event
    quotas: list[Quota]
    tickets: list[TicketType]
    products: list[Product]


_numbers = itertools.count()


def stir(sold: Sold, dice: random.Random, now: datetime) -> None:
    """Do one thing that moves places, whatever it is that people or organizers may do."""
    by: dict[str, Any] = {"actor": None, "now": now}
    wanted = [(product, dice.randrange(1, 3)) for product in sold.products if dice.random() < 0.4]

    def enter() -> None:
        email = f"storm{next(_numbers)}@example.org"
        register(dice.choice(sold.tickets), email, products=wanted, now=now)

    def enter_together() -> None:
        register_group([dice.choice(sold.tickets) for _ in range(dice.randrange(2, 6))], now=now)

    def resize() -> None:
        quota = Quota.objects.get(pk=dice.choice(sold.quotas).pk)
        tickets.resize_quota(quota=quota, size=dice.randrange(3, 16), **by)

    def recount() -> None:
        ticket = TicketType.objects.get(pk=sold.tickets[0].pk)
        chosen = dice.sample(sold.quotas, dice.randrange(1, 3))
        tickets.update_ticket_type(ticket_type=ticket, changes={"quotas": chosen}, **by)

    def delete() -> None:
        tickets.delete_quota(quota=make_quota(sold.event, 3), **by)

    def expire() -> None:
        promotion.expire_overdue(now=now + timedelta(hours=dice.choice([0, 2, 30])))

    def of_somebody(service: Callable[..., Any], **more: Any) -> Callable[[], None]:
        def act() -> None:
            if one := Registration.objects.live().filter(event=sold.event).order_by("?").first():
                service(registration=one, **more, **by)

        return act

    def settle() -> None:
        if one := Registration.objects.live().filter(event=sold.event).order_by("?").first():
            kind = dice.choice(["payment", "payment", "waiver", "refund"])
            pay(one, str(dice.choice([5, 10, 20, 40])), kind, now=now)

    deeds: dict[Callable[[], None], int] = {
        enter: 30,
        enter_together: 6,
        of_somebody(places.cancel_registration): 14,
        of_somebody(places.approve): 4,
        of_somebody(places.reject): 2,
        of_somebody(places.accept_offer): 8,
        of_somebody(places.decline_offer): 3,
        settle: 10,
        of_somebody(products.change_products, products=wanted): 8,
        of_somebody(places.move_to_ticket, ticket_type=dice.choice(sold.tickets)): 4,
        expire: 5,
        resize: 5,
        recount: 2,
        delete: 1,
    }
    dice.choices(list(deeds), list(deeds.values()))[0]()


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_a_storm_of_all_that_moves_places_keeps_every_promise_at_every_commit(
    event: Event, record_property: Callable[[str, object], None]
) -> None:
    hall, lab, tables = (make_quota(event, size) for size in (12, 6, 5))
    sold = Sold(
        event=event,
        quotas=[hall, lab, tables],
        tickets=[
            make_ticket(event, quotas=[hall], offer_hours=1),
            make_ticket(event, quotas=[hall, lab], requires_approval=True, price="10.00"),
            make_ticket(event, quotas=[lab], price="20.00", payment_days=1),
        ],
        products=[
            make_product(event, quotas=[tables], price="5.00", max_per_registration=3),
            make_product(event, quotas=[tables, hall], offer_hours=1, max_per_registration=2),
        ],
    )
    until = time.monotonic() + SECONDS
    seen: list[str] = []
    deeds: Counter[int] = Counter()
    looks: Counter[int] = Counter()

    def storm(seed: int) -> str:
        dice = random.Random(seed)
        # On a machine that has other things to do, a little longer.
        while time.monotonic() < until or deeds.total() < 200:
            if seed == 0:
                # A reader beside the storm: whatever it sees was committed.
                seen.extend(broken(event))
                looks[seed] += 1
                continue
            deeds[seed] += 1
            with suppress(Refusal):
                stir(sold, dice, NOW + timedelta(minutes=next(_numbers)))
        return "ended"

    answers = race(13, storm, racers=13)
    assert errors_in(answers) == []
    assert seen == []
    assert looks.total() > 10
    record_property("deeds", deeds.total())
    record_property("looks from beside", looks.total())
    record_property("registrations", Registration.objects.count())
    promotion.expire_overdue(now=NOW + timedelta(days=60))
    assert_at_rest(event)


# -- Offers, payments, groups -------------------------------------------------------------------------------------------


def make_offer(event: Event) -> tuple[Registration, Registration]:
    """Somebody with an offer that ends in an hour, and the next in line."""
    ticket = make_ticket(event, 1, offer_hours=1)
    first, second, third = (register(ticket) for _ in range(3))
    places.cancel_registration(registration=first, actor=None, now=NOW)
    return second, third


def test_accepting_and_expiring_at_once_is_one_of_both(event: Event) -> None:
    ends = NOW + timedelta(hours=1)
    for _ in range(8):
        offered, behind = make_offer(event)

        def act(number: int, offered: Registration = offered) -> str:
            if number % 2:
                promotion.expire_overdue(now=ends)
                return "swept"
            own = Registration.objects.get(pk=offered.pk)
            return places.accept_offer(registration=own, actor=None, now=ends - timedelta(seconds=1)).state

        answers = race(6, act, racers=6)
        codes = {p.code for error in errors_in(answers) for p in error.problems}  # type: ignore[attr-defined]
        assert states_of(offered, behind) in (["confirmed", "waiting"], ["expired", "offered"])
        assert codes <= {"not_offered", "offer_expired"}
        told = Message.objects.filter(
            recipient_key=offered.email_key, kind__in=["registration_confirmed", "offer_expired"]
        )
        assert told.count() == 1
        places.cancel_registration(registration=behind, actor=None, now=NOW)
    assert_at_rest(event)


def test_without_the_lock_an_offer_is_accepted_after_its_place_went_to_the_next(event: Event) -> None:
    """The control: read the state, think, write. The place is given twice."""
    offered, behind = make_offer(event)
    looked, swept = threading.Event(), threading.Event()

    def act(number: int) -> str:
        if number:
            assert looked.wait(20)
            promotion.expire_overdue(now=NOW + timedelta(hours=1))
            swept.set()
            return "swept"
        own = Registration.objects.get(pk=offered.pk)
        assert own.state == "offered"
        looked.set()
        assert swept.wait(20)
        Registration.objects.filter(pk=own.pk).update(state="confirmed", offer_expires_at=None)
        return "accepted"

    assert errors_in(race(2, act, racers=2)) == []
    assert states_of(offered, behind) == ["confirmed", "offered"]
    assert broken(event) != []


def test_accepting_twice_and_declining_at_once_is_one_answer(event: Event) -> None:
    for _ in range(6):
        offered, behind = make_offer(event)

        def act(number: int, offered: Registration = offered) -> str:
            own = Registration.objects.get(pk=offered.pk)
            service = places.decline_offer if number % 3 == 2 else places.accept_offer
            return service(registration=own, actor=None, now=NOW).state

        answers = race(6, act, racers=6)
        codes = {p.code for error in errors_in(answers) for p in error.problems}  # type: ignore[attr-defined]
        assert codes <= {"not_offered", "registration_is_over"}
        assert states_of(offered, behind) in (["confirmed", "waiting"], ["cancelled", "offered"])
        kinds = ["registration_confirmed", "registration_cancelled"]
        assert Message.objects.filter(recipient_key=offered.email_key, kind__in=kinds).count() == 1
        places.cancel_registration(registration=behind, actor=None, now=NOW)
    assert_at_rest(event)


def test_paying_and_expiring_at_once_is_one_of_both_and_no_money_is_lost(event: Event) -> None:
    due = NOW + timedelta(days=14)
    for _ in range(8):
        ticket = make_ticket(event, 1, price="100.00")
        owing, behind = register(ticket), register(ticket)

        def act(number: int, owing: Registration = owing) -> str:
            if number % 2:
                promotion.expire_overdue(now=due)
                return "swept"
            pay(Registration.objects.get(pk=owing.pk), "100.00", key="transfer 1", now=due)
            return "paid"

        assert errors_in(race(6, act, racers=6)) == []
        assert states_of(owing, behind) in (["confirmed", "waiting"], ["expired", "awaiting_payment"])
        assert owing.ledger.paid() == 100
        assert owing.ledger.owed() == (0 if states_of(owing) == ["confirmed"] else -100)
    assert_at_rest(event)


def test_groups_and_singles_race_for_the_same_seats_and_no_group_is_torn(event: Event) -> None:
    quota = make_quota(event, 20)
    ticket = make_ticket(event, quotas=[quota])

    def act(number: int) -> list[str]:
        if number % 3:
            return [register(ticket, f"single{number}@example.org").state]
        return states_of(*register_group([ticket] * 4))

    answers = race(30, act)
    assert errors_in(answers) == []
    assert all(len(set(states)) == 1 for states in answers)
    assert_at_rest(event)
    confirmed = list(Registration.objects.filter(event=event, state="confirmed"))
    assert errors_in(race(len(confirmed), lambda n: cancel(confirmed[n], now=NOW))) == []
    for group in RegistrationGroup.objects.filter(event=event):
        assert len({r.state for r in group.registrations.exclude(state="cancelled")}) <= 1
    assert_at_rest(event)


@pytest.mark.parametrize("waiting_list", [True, False])
def test_two_forms_for_the_last_seats_each_sent_twice_give_one_group_all_of_them(
    event: Event, waiting_list: bool
) -> None:
    quota = make_quota(event, 5)
    ticket = make_ticket(event, quotas=[quota], waiting_list=waiting_list)

    def send(number: int) -> str:
        group = number % 2
        fields: dict[str, Any] = {"token": f"form {group}", "language": "en"}
        for n in range(1, 4):
            of_person = {"ticket_type": ticket.pk, "name": f"Guest {n}", "email": f"guest{group}-{n}@example.org"}
            fields |= {f"person-{n}-{name}": value for name, value in of_person.items()}
        answer = Client().post("/food-2027/register/group/", fields)
        return answer["Location"] if answer.status_code == 302 else f"form {answer.status_code}"

    answers = race(4, send, racers=4)
    assert errors_in(answers) == []
    assert answers[:2] == answers[2:]
    states = [sorted(r.state for r in group.registrations.all()) for group in RegistrationGroup.objects.all()]
    assert sorted(states) == [["confirmed"] * 3, *([["waiting"] * 3] if waiting_list else [])]
    assert ("form 200" in answers) is not waiting_list
    assert_at_rest(event)


def test_two_groups_with_the_same_people_do_not_lock_each_other(event: Event) -> None:
    tickets_ = [make_ticket(event, 100), make_ticket(event, 100)]
    for round_ in range(5):
        emails = [f"round{round_}-{n}@example.org" for n in range(8)]

        def act(number: int, emails: list[str] = emails) -> int:
            people = [
                Applicant(ticket_type=tickets_[number % 2], name="Guest", email=email, language="en", answers={})
                for email in (emails if number % 4 < 2 else reversed(emails))
            ]
            return len(registering.register_group(event=event, people=people, actor=None, now=NOW))

        answers = race(8, act, racers=8)
        assert answers.count(8) == 1
        assert {type(error) for error in errors_in(answers)} == {CannotRegister}
    assert_at_rest(event)


def test_sweepers_at_once_end_each_offer_once(event: Event) -> None:
    ticket = make_ticket(event, 4, offer_hours=1)
    first = [register(ticket) for _ in range(4)]
    line = [register(ticket) for _ in range(8)]
    for registration in first:
        places.cancel_registration(registration=registration, actor=None, now=NOW)
    ended = race(6, lambda _: promotion.expire_overdue(now=NOW + timedelta(hours=1)), racers=6)
    assert errors_in(ended) == []
    assert sum(ended) == 4
    assert Counter(states_of(*line)) == {"expired": 4, "offered": 4}
    assert Message.objects.filter(kind="offer_expired").count() == 4
    assert_at_rest(event)


def test_the_last_piece_of_a_product_is_had_once(event: Event) -> None:
    ticket, dinner = make_ticket(event, 100), make_product(event, 3, waiting_list=False)
    answers = race(24, lambda n: register(ticket, f"guest{n}@example.org", products=[(dinner, 1)]).state)
    assert answers.count("confirmed") == 3
    assert {p.field for error in errors_in(answers) for p in error.problems} == {"products"}  # type: ignore[attr-defined]
    assert Registration.objects.count() == 3
    assert_at_rest(event)


# -- Every POST twice at once -------------------------------------------------------------------------------------------


def twice(url: str, values: dict[str, Any], user: User | None = None) -> list[int]:
    """The same form, sent by two browsers' worth of clicks at once."""

    def send(_number: int) -> int:
        client = Client()
        if user:
            client.force_login(user)
        return client.post(url, values).status_code

    return race(4, send, racers=4)


def test_400_clients_each_sending_twice_are_400_rows(event: Event) -> None:
    ticket = make_ticket(event, 200)
    answers = race(800, lambda n: register(ticket, f"guest{n % 400}@example.org", form_token=f"form {n % 400}").state)
    assert errors_in(answers) == []
    assert Registration.objects.by_state() == {"confirmed": 200, "waiting": 200}
    assert_at_rest(event)


def test_every_form_about_places_sent_twice_at_once_has_one_effect(
    event: Event, organisation: Organisation, organizer: User
) -> None:
    organize = "/organize/food-2027/"
    quota = make_quota(event, 1)
    ticket = make_ticket(event, quotas=[quota], offer_hours=24, price="10.00")
    dinner = make_product(event, 2, price="5.00")
    first, second = register(ticket, now=timezone.now()), register(ticket, now=timezone.now())
    own = first.get_absolute_url()

    assert set(twice(f"{own}products/", {f"product_{dinner.pk}": "1"})) == {302}
    assert (LineItem.objects.count(), dinner.quotas.get().taken) == (1, 1)
    payment = {"kind": "payment", "amount": "15.00", "method": "cash", "reference": "", "key": "form 1"}
    assert set(twice(f"{organize}registrations/{first.code}/payments/", payment, organizer)) == {302}
    assert first.ledger.filter(kind="payment").count() == 1
    assert states_of(first) == ["confirmed"]
    assert set(twice(f"{own}cancel/", {})) == {302}
    assert states_of(first, second) == ["cancelled", "offered"]
    assert set(twice(f"{second.get_absolute_url()}offer/", {"answer": "accept"})) == {302}
    assert states_of(second) == ["awaiting_payment"]
    assert set(twice(f"{organize}registrations/{second.code}/cancel/", {"reason": ""}, organizer)) == {302}
    for kind in ("registration_cancelled", "place_offered", "payment_received"):
        assert (
            Message.objects.filter(kind=kind).values("about").distinct().count()
            == Message.objects.filter(kind=kind).count()
        )
    assert_at_rest(event)


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
    assert errors_in(race(6, lambda _: promotion.fill_free_places(now=NOW), racers=6)) == []
    confirmed = Registration.objects.filter(event=event, state="confirmed").order_by("registered_at")
    assert list(confirmed.values_list("email_key", flat=True)) == [f"guest{n}@example.org" for n in range(5)]
    assert Message.objects.filter(kind="place_given").count() == 3
    assert_at_rest(event)
