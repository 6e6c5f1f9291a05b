"""Products and money: what is had beside the ticket, what it costs, who has paid."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from common.problems import Refusal
from events.models import Event
from notifications.models import Message
from notifications.services.rendering import Renderer
from registrations.models import LedgerEntry, LineItem, Product, Registration
from registrations.services import payments, places, products, promotion, tickets
from registrations.services.setups import setup_of
from tests.factories.registrations import (
    NOW,
    cancel,
    make_product,
    make_quota,
    make_ticket,
    pay,
    places_of,
    register,
    states_of,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def refused(error: pytest.ExceptionInfo[Refusal]) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in error.value.problems]


def lines_of(registration: Registration) -> list[tuple[int, str]]:
    return list(registration.lines.order_by("pk").values_list("quantity", "state"))


def change(registration: Registration, *wanted: tuple[Product, int], now: object = NOW) -> Registration:
    return products.change_products(registration=registration, products=list(wanted), actor=None, now=NOW)


def owed(registration: Registration) -> Decimal:
    return payments.balance_of(registration)["owed"]


def mails_to(registration: Registration) -> list[str]:
    return list(
        Message.objects.filter(recipient_key=registration.email_key, state="queued")
        .order_by("pk")
        .values_list("kind", flat=True)
    )


# -- Products -----------------------------------------------------------------------------------------------------------


def test_products_count_in_their_own_quotas(event: Event) -> None:
    seats, tables = make_quota(event, 10), make_quota(event, 3)
    ticket = make_ticket(event, quotas=[seats])
    dinner = make_product(event, quotas=[tables], max_per_registration=3)
    register(ticket, products=[(dinner, 2)])
    assert (places_of(seats), places_of(tables)) == ((1, 10), (2, 3))
    cancel(Registration.objects.get())
    assert (places_of(seats), places_of(tables)) == ((0, 10), (0, 3))


def test_a_full_product_waits_in_its_own_line_and_comes_in_its_turn(event: Event) -> None:
    ticket, dinner = make_ticket(event, 10), make_product(event, 1, price="80.00")
    first, second, third = (register(ticket, products=[(dinner, 1)]) for _ in range(3))
    assert [lines_of(r)[0][1] for r in (first, second, third)] == ["held", "waiting", "waiting"]
    assert states_of(first, second) == ["awaiting_payment", "confirmed"]
    cancel(first)
    assert [lines_of(r)[0][1] for r in (second, third)] == ["held", "waiting"]
    # Who was confirmed stays so and owes the rest.
    second.refresh_from_db()
    assert (second.state, second.amount, owed(second)) == ("confirmed", Decimal("80.00"), Decimal("80.00"))
    assert mails_to(second) == ["registration_confirmed", "product_given"]


def test_a_full_product_without_a_waiting_list_refuses_before_anything_is_taken(event: Event) -> None:
    seats = make_quota(event, 10)
    ticket, dinner = make_ticket(event, quotas=[seats]), make_product(event, 0, waiting_list=False)
    with pytest.raises(Refusal) as error:
        register(ticket, products=[(dinner, 1)])
    assert refused(error) == [("sold_out", "products")]
    assert places_of(seats) == (0, 10)
    assert not Registration.objects.exists()


def test_while_a_registration_waits_so_do_its_products_and_then_they_are_served(event: Event) -> None:
    tables = make_quota(event, 5)
    ticket, dinner = make_ticket(event, 1), make_product(event, quotas=[tables], price="50.00")
    first = register(ticket)
    second = register(ticket, products=[(dinner, 1)])
    assert (lines_of(second), places_of(tables)) == ([(1, "waiting")], (0, 5))
    cancel(first)
    second.refresh_from_db()
    assert (second.state, second.amount) == ("awaiting_payment", Decimal("50.00"))
    assert (lines_of(second), places_of(tables)) == ([(1, "held")], (1, 5))
    assert mails_to(second) == ["registration_waiting", "payment_requested", "payment_reminder"]


def test_products_of_who_accepts_an_offer_are_theirs_without_asking_again(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=2)
    dinner = make_product(event, 5, offer_hours=2, price="50.00")
    first, second = register(ticket), register(ticket, products=[(dinner, 1)])
    cancel(first)
    second.refresh_from_db()
    assert lines_of(second) == [(1, "waiting")]
    places.accept_offer(registration=second, actor=None, now=NOW)
    second.refresh_from_db()
    assert (second.state, second.amount, owed(second)) == ("awaiting_payment", Decimal(50), Decimal(50))
    assert lines_of(second) == [(1, "held")]


def test_a_product_on_offer_is_kept_accepted_declined_and_ends(event: Event) -> None:
    tables = make_quota(event, 1)
    ticket, dinner = make_ticket(event, 10), make_product(event, quotas=[tables], offer_hours=2)
    first, *others = (register(ticket, products=[(dinner, 1)]) for _ in range(5))
    change(first)
    second, third, fourth, fifth = (r.lines.get() for r in others)
    assert (second.state, places_of(tables)) == ("offered", (1, 1))
    promotion.expire_overdue(now=NOW + 2 * HOUR)
    assert [lines_of(r)[0][1] for r in others] == ["expired", "offered", "waiting", "waiting"]
    with pytest.raises(Refusal) as error:
        places.accept_offer(registration=others[0], line=second, actor=None, now=NOW + 2 * HOUR)
    assert refused(error) == [("offer_expired", "")]
    places.decline_offer(registration=others[1], line=third, actor=None, now=NOW + 2 * HOUR)
    places.accept_offer(registration=others[2], line=fourth, actor=None, now=NOW + 2 * HOUR)
    assert [lines_of(r)[0][1] for r in others] == ["expired", "cancelled", "held", "waiting"]
    assert places_of(tables) == (1, 1)
    assert set(states_of(*others)) == {"confirmed"}
    assert fifth.state == "waiting"


def test_products_have_rules_of_their_own(event: Event) -> None:
    ticket, other = make_ticket(event), make_ticket(event)
    for fields, quantity, code in (
        ({"ticket_types": [other]}, 1, "product_not_for_ticket"),
        ({"max_per_registration": 2}, 3, "too_many_of_product"),
        ({"available_from": NOW + HOUR}, 1, "product_not_open"),
        ({"available_until": NOW}, 1, "product_closed"),
    ):
        product = make_product(event, **fields)
        with pytest.raises(Refusal) as error:
            register(ticket, products=[(product, quantity)])
        assert refused(error) == [(code, "products")]
    assert not Registration.objects.exists()


def test_products_are_added_given_back_and_changed_afterwards(event: Event) -> None:
    tables = make_quota(event, 3)
    ticket = make_ticket(event)
    dinner = make_product(event, quotas=[tables], price="20.00", max_per_registration=5)
    tour = make_product(event, 1, waiting_list=False)
    registration = register(ticket)
    change(registration, (dinner, 2), (tour, 1))
    registration.refresh_from_db()
    assert (registration.state, registration.amount, owed(registration)) == ("confirmed", Decimal(40), Decimal(40))
    change(registration, (dinner, 3))
    assert (places_of(tables), sorted(lines_of(registration))) == ((3, 3), [(1, "cancelled"), (3, "held")])
    with pytest.raises(Refusal) as error:
        change(registration, (dinner, 4))
    assert refused(error) == [("sold_out", "products")]
    next_in_line = register(ticket, products=[(dinner, 2)])
    change(registration, (dinner, 1))
    assert lines_of(next_in_line) == [(2, "held")]
    assert owed(registration) == Decimal(20)
    mails = len(mails_to(registration))
    change(registration, (dinner, 1))
    assert len(mails_to(registration)) == mails


def test_what_somebody_has_they_keep_when_it_closes(event: Event) -> None:
    ticket, dinner = make_ticket(event), make_product(event, max_per_registration=3)
    registration = register(ticket, products=[(dinner, 2)])
    products.update_product(product=dinner, changes={"available_until": NOW}, actor=None, now=NOW)
    change(registration, (dinner, 1))
    with pytest.raises(Refusal) as error:
        change(registration, (dinner, 2))
    assert refused(error) == [("product_closed", "products")]
    assert lines_of(registration) == [(1, "held")]


def test_a_product_in_use_is_not_deleted_and_moves_between_quotas_whole_or_not_at_all(event: Event) -> None:
    one, small, large = make_quota(event, 5), make_quota(event, 1), make_quota(event, 9)
    ticket, dinner = make_ticket(event), make_product(event, quotas=[one], max_per_registration=2)
    register(ticket, products=[(dinner, 2)])
    with pytest.raises(Refusal) as error:
        products.delete_product(product=dinner, actor=None, now=NOW)
    assert refused(error) == [("product_in_use", "")]
    with pytest.raises(Refusal) as error:
        products.update_product(product=dinner, changes={"quotas": [small]}, actor=None, now=NOW)
    assert refused(error) == [("sold_out", "products")]
    products.update_product(product=dinner, changes={"quotas": [large]}, actor=None, now=NOW)
    assert (places_of(one), places_of(small), places_of(large)) == ((0, 5), (0, 1), (2, 9))
    with pytest.raises(Refusal) as error:
        tickets.delete_quota(quota=large, actor=None, now=NOW)
    assert refused(error) == [("quota_in_use", "")]


# -- Money --------------------------------------------------------------------------------------------------------------


def test_a_price_is_that_of_the_moment(event: Event) -> None:
    ticket, dinner = make_ticket(event, price="100.00"), make_product(event, price="20.00")
    registration = register(ticket, products=[(dinner, 1)])
    tickets.update_ticket_type(ticket_type=ticket, changes={"price": Decimal(500)}, actor=None, now=NOW)
    products.update_product(product=dinner, changes={"price": Decimal(90)}, actor=None, now=NOW)
    registration.refresh_from_db()
    assert (registration.amount, registration.ticket_price, owed(registration)) == (120, 100, 120)


def test_a_priced_place_is_kept_until_it_is_paid_and_then_confirmed(event: Event) -> None:
    quota = make_quota(event, 1)
    ticket = make_ticket(event, quotas=[quota], price="100.00", payment_days=10)
    registration = register(ticket)
    assert (registration.state, registration.payment_due_at) == ("awaiting_payment", NOW + 10 * DAY)
    assert places_of(quota) == (1, 1)
    pay(registration, "40.00")
    assert (registration.state, owed(registration)) == ("awaiting_payment", Decimal(60))
    pay(registration, "60.00", now=NOW + DAY)
    assert (registration.state, registration.payment_due_at, owed(registration)) == ("confirmed", None, Decimal(0))
    # The reminder that stood ready is withdrawn.
    assert mails_to(registration) == ["payment_requested", "payment_part_received", "payment_received"]
    received = Message.objects.get(kind="payment_received")
    assert received.context["calendar"]["method"] == "REQUEST"


def test_what_is_not_paid_in_time_goes_to_the_next_and_the_reminder_comes_before(event: Event) -> None:
    ticket = make_ticket(event, 1, price="100.00", payment_days=10)
    first, second = register(ticket), register(ticket)
    reminder = Message.objects.get(kind="payment_reminder")
    assert (reminder.send_at, reminder.expires_at) == (NOW + 7 * DAY, NOW + 10 * DAY)
    promotion.expire_overdue(now=NOW + 10 * DAY)
    second.refresh_from_db()
    assert states_of(first, second) == ["expired", "awaiting_payment"]
    assert (owed(first), second.payment_due_at) == (Decimal(0), NOW + 20 * DAY)
    assert "payment_expired" in mails_to(first)


def test_a_payment_is_due_when_the_event_ends_at_the_latest(event: Event) -> None:
    ticket = make_ticket(event, price="100.00")
    assert register(ticket, now=event.starts_at).payment_due_at == event.ends_at


def test_money_that_comes_too_late_is_written_down_and_given_back(event: Event) -> None:
    registration = register(make_ticket(event, price="100.00"))
    promotion.expire_overdue(now=NOW + 14 * DAY)
    registration.refresh_from_db()
    pay(registration, "100.00", now=NOW + 15 * DAY)
    assert (registration.state, owed(registration)) == ("expired", Decimal(-100))
    assert payments.overview_of(event) == {"owed": 0, "paid": 100, "to_return": 100}
    pay(registration, "100.00", "refund", now=NOW + 15 * DAY)
    assert payments.balance_of(registration) == {"owed": Decimal(0), "paid": Decimal(0)}


def test_a_waiver_confirms_and_neither_it_nor_a_refund_exceeds_what_there_is(event: Event) -> None:
    registration = register(make_ticket(event, price="100.00"))
    for amount, kind, code in (("100.01", "waiver", "more_than_owed"), ("0.01", "refund", "more_than_paid")):
        with pytest.raises(Refusal) as error:
            pay(registration, amount, kind)
        assert refused(error) == [(code, "amount")]
    pay(registration, "100.00", "waiver")
    assert registration.state == "confirmed"
    assert mails_to(registration) == ["payment_requested", "registration_confirmed"]


@pytest.mark.parametrize("amount", ["0", "-5"])
def test_an_amount_is_above_zero(event: Event, amount: str) -> None:
    with pytest.raises(Refusal):
        pay(register(make_ticket(event, price="100.00")), amount)
    assert LedgerEntry.objects.count() == 1


def test_a_payment_sent_twice_with_its_key_is_one(event: Event) -> None:
    registration = register(make_ticket(event, price="100.00"))
    first, second = pay(registration, "40.00", key="k"), pay(registration, "40.00", key="k")
    assert first.pk == second.pk
    assert owed(registration) == Decimal(60)


def test_approval_comes_before_payment(event: Event) -> None:
    registration = register(make_ticket(event, price="100.00", requires_approval=True))
    assert (registration.state, owed(registration)) == ("pending", Decimal(0))
    places.approve(registration=registration, actor=None, now=NOW)
    assert (registration.state, owed(registration)) == ("awaiting_payment", Decimal(100))
    assert places.approve(registration=registration, actor=None, now=NOW).state == "awaiting_payment"


def test_cancelling_leaves_what_was_paid_to_be_given_back(event: Event) -> None:
    registration = register(make_ticket(event, price="100.00"))
    pay(registration, "100.00")
    cancel(registration)
    assert owed(registration) == Decimal(-100)


def test_another_ticket_costs_what_it_costs_now(event: Event) -> None:
    cheap, dear = make_ticket(event, price="50.00"), make_ticket(event, price="80.00")
    registration = register(dear)
    pay(registration, "50.00")
    places.move_to_ticket(registration=registration, ticket_type=cheap, actor=None, now=NOW)
    # What was paid is enough for this one.
    assert (registration.state, owed(registration)) == ("confirmed", Decimal(0))
    places.move_to_ticket(registration=registration, ticket_type=dear, actor=None, now=NOW)
    assert (registration.state, owed(registration)) == ("confirmed", Decimal(30))


def test_the_ledger_is_only_ever_added_to(event: Event) -> None:
    register(make_ticket(event, price="100.00"))
    for spoil in (lambda: LedgerEntry.objects.update(amount=1), lambda: LedgerEntry.objects.all().delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            spoil()
    assert LedgerEntry.objects.get().amount == 100


def test_mails_say_amounts_and_deadlines_in_the_readers_language(event: Event) -> None:
    ticket, dinner = make_ticket(event, price="1200.50"), make_product(event, name={"en": "Dinner", "zh-hans": "晚宴"})
    register(ticket, language="zh-hans", products=[(dinner, 1)])
    register(ticket)
    texts = {m.language: Renderer().render(m).text for m in Message.objects.filter(kind="payment_requested")}
    assert "¥1,200.50" in texts["zh-hans"]
    assert "1 × 晚宴" in texts["zh-hans"]
    assert "CN¥1,200.50" in texts["en"]
    assert "17:00 China Standard Time" in texts["en"]


# -- Cost ---------------------------------------------------------------------------------------------------------------


def test_registering_takes_few_statements_whatever_it_asks_for(event: Event) -> None:
    ticket = make_ticket(event)
    register(ticket)
    with CaptureQueriesContext(connection) as plain:
        register(ticket)
    assert statements(plain) == 4
    one, three = make_product(event, price="5.00"), [make_product(event, price="5.00") for _ in range(3)]
    counts = []
    for wanted in ([one], three):
        at_hand = Product.objects.filter(pk__in=[product.pk for product in wanted]).prefetch_related("ticket_types")
        chosen = [(product, 1) for product in at_hand]
        setup_of(event)
        with CaptureQueriesContext(connection) as queries:
            register(ticket, products=chosen)
        # One UPDATE for each quota more.
        counts.append(statements(queries) - len(wanted))
    assert counts[0] == counts[1] == 4
    assert LineItem.objects.count() == 4


def statements(queries: CaptureQueriesContext) -> int:
    return sum(not q["sql"].startswith(("SAVEPOINT", "RELEASE")) for q in queries.captured_queries)
