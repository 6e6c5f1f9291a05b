"""Offers and groups: who gets a place that becomes free, and for how long it is kept."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from common.models import AuditEntry
from common.problems import Refusal
from events.models import Event
from events.services import events
from notifications.models import Message
from registrations.models import Quota, Registration
from registrations.services import payments, places, promotion, registering, tickets
from registrations.services.registering import Applicant, CannotRegister
from tests.factories.registrations import (
    NOW,
    cancel,
    make_product,
    make_quota,
    make_ticket,
    places_of,
    register,
    register_group,
    states_of,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def refused(error: pytest.ExceptionInfo[Refusal]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def accept(registration: Registration, at: timedelta = timedelta()) -> Registration:
    return places.accept_offer(registration=registration, actor=None, now=NOW + at)


# -- Offers -------------------------------------------------------------------------------------------------------------


def test_a_freed_place_is_kept_for_the_first_in_line_and_theirs_once_accepted(event: Event) -> None:
    quota = make_quota(event, 1)
    ticket = make_ticket(event, quotas=[quota], offer_hours=24)
    first, second, third = (register(ticket) for _ in range(3))
    cancel(first)
    second.refresh_from_db()
    assert (second.state, second.offer_expires_at) == ("offered", NOW + 24 * HOUR)
    assert states_of(third) == ["waiting"]
    assert places_of(quota) == (1, 1)
    assert accept(second, HOUR).state == "confirmed"
    assert second.offer_expires_at is None
    assert list(
        Message.objects.filter(recipient_key=second.email_key).values_list("kind", flat=True).order_by("pk")
    ) == [
        "registration_waiting",
        "place_offered",
        "registration_confirmed",
    ]


def test_an_offer_that_runs_out_goes_to_the_next_and_is_not_made_again(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=2)
    first, second, third = (register(ticket) for _ in range(3))
    cancel(first)
    assert promotion.expire_overdue(now=NOW + HOUR) == 0
    assert promotion.expire_overdue(now=NOW + 2 * HOUR) == 1
    assert promotion.expire_overdue(now=NOW + 2 * HOUR) == 0
    assert states_of(second, third) == ["expired", "offered"]
    promotion.expire_overdue(now=NOW + 5 * HOUR)
    assert states_of(second, third) == ["expired", "expired"]
    assert Quota.objects.get(event=event).taken == 0
    assert Message.objects.filter(kind="place_offered").count() == 2
    # They may register anew, at the end of the line.
    again = register(ticket, second.email)
    assert again.state == "confirmed"


def test_accepting_after_the_instant_is_refused_before_any_sweeper_and_the_place_goes_on(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=2)
    first, second, third = (register(ticket) for _ in range(3))
    cancel(first)
    second.refresh_from_db()
    with pytest.raises(Refusal) as error:
        accept(second, 2 * HOUR)
    assert refused(error) == ["offer_expired"]
    assert states_of(second, third) == ["expired", "offered"]


def test_declining_gives_the_place_to_the_next(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=2)
    first, second, third = (register(ticket) for _ in range(3))
    cancel(first)
    second.refresh_from_db()
    places.decline_offer(registration=second, actor=None, now=NOW)
    assert states_of(second, third) == ["cancelled", "offered"]


def test_nothing_is_accepted_where_nothing_is_offered(event: Event) -> None:
    ticket = make_ticket(event, 1)
    confirmed, waiting = register(ticket), register(ticket)
    for registration in (confirmed, waiting):
        with pytest.raises(Refusal) as error:
            accept(registration)
        assert refused(error) == ["not_offered"]


def test_who_accepts_waits_for_approval_or_payment_as_the_ticket_says(event: Event) -> None:
    for fields, state in (({"requires_approval": True}, "pending"), ({"price": "100.00"}, "awaiting_payment")):
        ticket = make_ticket(event, 1, offer_hours=2, **fields)
        first, second = register(ticket), register(ticket)
        cancel(first)
        second.refresh_from_db()
        assert accept(second).state == state


def test_an_offer_ends_when_the_event_begins_wherever_its_days_are_moved(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=720)
    first, second = register(ticket), register(ticket)
    before = event.starts_at - 3 * HOUR
    cancel(first, now=before)
    second.refresh_from_db()
    assert second.offer_expires_at == event.starts_at
    events.update_event(
        event=event, changes={"starts_on": event.starts_on - timedelta(days=1)}, actor=None, now=before - 24 * HOUR
    )
    second.refresh_from_db()
    assert second.offer_expires_at == event.starts_at


def test_once_the_event_has_begun_a_place_is_given_and_when_it_is_over_none(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=24)
    first, second, third = (register(ticket) for _ in range(3))
    cancel(first, now=event.starts_at)
    assert states_of(second) == ["confirmed"]
    Registration.objects.filter(pk=second.pk).update(state="offered", offer_expires_at=event.ends_at - HOUR)
    promotion.expire_overdue(now=event.ends_at)
    assert states_of(second, third) == ["expired", "waiting"]


def test_serving_many_takes_as_many_queries_as_serving_one(
    event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    counts = []
    for size in (1, 3):
        quota = make_quota(event, 0)
        ticket = make_ticket(event, quotas=[quota], offer_hours=2)
        for _ in range(size):
            register(ticket)
        with django_assert_num_queries(23) as queries:
            tickets.resize_quota(quota=quota, size=size, actor=None, now=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# -- Order --------------------------------------------------------------------------------------------------------------


def test_the_order_is_when_they_asked_then_the_row(event: Event) -> None:
    quota = make_quota(event, 0)
    ticket = make_ticket(event, quotas=[quota])
    late = register(ticket, now=NOW + HOUR)
    early = register(ticket, now=NOW)
    same = register(ticket, now=NOW)
    for served in (early, same, late):
        tickets.resize_quota(quota=quota, size=quota.size + 1, actor=None, now=NOW + 2 * HOUR)
        assert states_of(served) == ["confirmed"]


def test_who_needs_another_full_quota_does_not_hold_up_those_behind(event: Event) -> None:
    hall, lab = make_quota(event, 0), make_quota(event, 0)
    both, one = make_ticket(event, quotas=[hall, lab]), make_ticket(event, quotas=[hall])
    first, second = register(both), register(one)
    tickets.resize_quota(quota=hall, size=1, actor=None, now=NOW)
    assert states_of(first, second) == ["waiting", "confirmed"]


@pytest.mark.parametrize("line", [3, 40])
def test_a_long_line_is_served_in_order_through_all_of_its_batches(event: Event, line: int) -> None:
    hall, lab = make_quota(event, 0), make_quota(event, 1)
    plain, special = make_ticket(event, quotas=[hall]), make_ticket(event, quotas=[hall, lab])
    blocked = [register_group([plain, plain, plain]) for _ in range(line)]
    last = register(special)
    tickets.resize_quota(quota=hall, size=2, actor=None, now=NOW)
    assert {state for group in blocked for state in states_of(*group)} == {"waiting"}
    assert states_of(last) == ["confirmed"]


# -- Groups -------------------------------------------------------------------------------------------------------------


def test_a_group_gets_places_all_together_or_waits_together(event: Event) -> None:
    quota = make_quota(event, 5)
    ticket = make_ticket(event, quotas=[quota])
    three = register_group([ticket] * 3)
    assert states_of(*three) == ["confirmed"] * 3
    others = register_group([ticket] * 3)
    assert states_of(*others) == ["waiting"] * 3
    assert places_of(quota) == (3, 5)
    assert len({r.code for r in [*three, *others]}) == 6
    # Those behind who fit are not held up; the group keeps its turn.
    single = register(ticket)
    assert single.state == "confirmed"
    cancel(three[0])
    assert states_of(*others) == ["waiting"] * 3
    behind = register(ticket)
    assert behind.state == "confirmed"
    for registration in three[1:]:
        cancel(registration)
    assert states_of(*others) == ["confirmed"] * 3 if places_of(quota)[0] == 5 else ["waiting"] * 3
    cancel(behind)
    assert states_of(*others) == ["confirmed"] * 3


def test_who_leaves_a_waiting_group_leaves_the_others_their_turn(event: Event) -> None:
    ticket = make_ticket(event, 2)
    single, single_too = register(ticket), register(ticket)
    group = register_group([ticket] * 3)
    cancel(single)
    assert states_of(*group) == ["waiting"] * 3
    cancel(group[0])
    cancel(single_too)
    assert states_of(*group) == ["cancelled", "confirmed", "confirmed"]


def test_a_group_without_a_waiting_list_is_refused_whole(event: Event) -> None:
    ticket = make_ticket(event, 2, waiting_list=False)
    with pytest.raises(CannotRegister) as error:
        register_group([ticket] * 3)
    assert refused(error) == ["sold_out"]
    assert not Registration.objects.exists()
    assert Quota.objects.get(event=event).taken == 0


def test_a_group_is_at_most_fifty_people_each_with_their_own_address(event: Event) -> None:
    ticket = make_ticket(event, 100)
    person = Applicant(ticket_type=ticket, name="A", email="same@example.org", language="en", answers={})
    for people, code in (([person, person], "twice_in_group"), ([], "group_size"), ([person] * 51, "group_size")):
        with pytest.raises(CannotRegister) as error:
            registering.register_group(event=event, people=people, actor=None, now=NOW)
        assert refused(error) == [code]
    assert len(register_group([ticket] * 50)) == 50


def test_a_group_is_offered_places_together_and_each_answers_alone(event: Event) -> None:
    ticket = make_ticket(event, 2, offer_hours=2)
    first = register_group([ticket] * 2)
    second = register_group([ticket] * 2)
    for registration in first:
        cancel(registration)
    assert states_of(*second) == ["offered"] * 2
    second[0].refresh_from_db()
    accept(second[0])
    promotion.expire_overdue(now=NOW + 3 * HOUR)
    assert states_of(*second) == ["confirmed", "expired"]


# -- Quotas -------------------------------------------------------------------------------------------------------------


def test_a_quota_is_not_made_smaller_than_taken_and_says_who_would_have_to_go(event: Event) -> None:
    quota = make_quota(event, 3)
    ticket, dinner = make_ticket(event, quotas=[quota]), make_product(event, quotas=[quota])
    register(ticket, name="First", now=NOW)
    register(ticket, name="Last", now=NOW + HOUR, products=[(dinner, 1)])
    with pytest.raises(Refusal) as error:
        tickets.resize_quota(quota=quota, size=2, actor=None, now=NOW)
    assert refused(error) == ["quota_below_taken"]
    assert "Last" in str(error.value)
    assert "First" not in str(error.value)


def test_the_sweeper_puts_right_what_an_accident_left(event: Event) -> None:
    quota = make_quota(event, 2)
    ticket, dinner = make_ticket(event, quotas=[quota]), make_product(event, quotas=[quota])
    register(ticket, products=[(dinner, 1)])
    waiting = register(ticket)
    Quota.objects.filter(pk=quota.pk).update(taken=1, size=3)
    assert [(q.taken, q.held) for q in Quota.objects.miscounted()] == [(1, 2)]
    assert promotion.fill_free_places(now=NOW) == 1
    assert places_of(quota) == (3, 3)
    assert states_of(waiting) == ["confirmed"]


def test_what_happened_stands_in_the_history(event: Event) -> None:
    ticket = make_ticket(event, 1, offer_hours=2)
    first, second = register(ticket), register(ticket)
    cancel(first)
    promotion.expire_overdue(now=NOW + 3 * HOUR)
    verbs = (
        AuditEntry.objects.filter(subject_type="registrations.registration", subject_id=str(second.pk))
        .order_by("pk")
        .values_list("verb", flat=True)
    )
    assert list(verbs) == ["registered", "place_offered", "offer_expired"]


def test_events_of_the_past_are_left_alone(event: Event) -> None:
    events.update_event(
        event=event, changes={"starts_on": date(2027, 2, 1), "ends_on": date(2027, 2, 2)}, actor=None, now=NOW
    )
    make_ticket(event, 1)
    assert promotion.fill_free_places(now=NOW) == 0


# -- Paid before it was charged --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["approved", "offered", "given"])
def test_who_has_paid_already_has_the_place_when_it_comes(event: Event, way: str) -> None:
    """Money may come while somebody waits for a decision, or for a place."""
    ticket = make_ticket(
        event,
        1,
        price=20,
        requires_approval=way == "approved",
        offer_hours=24 if way == "offered" else None,
    )
    first = None if way == "approved" else register(ticket)
    guest = register(ticket)
    payments.record(registration=guest, kind="payment", amount=Decimal(20), actor=None, now=NOW)
    if first is None:
        places.approve(registration=guest, actor=None, now=NOW)
    else:
        cancel(first)
        guest.refresh_from_db()
    if way == "offered":
        assert guest.state == "offered"
        places.accept_offer(registration=guest, actor=None, now=NOW)
    guest.refresh_from_db()
    assert (guest.state, guest.payment_due_at) == ("confirmed", None)
