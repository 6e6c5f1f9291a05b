"""What goes first, and how many in a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from notifications.models import CaughtMail, Message, MessageState, Spending
from notifications.services import delivery
from tests.notifications.samples import NOW, REMINDER, TICKET, WELCOME, queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("origin")]


def deliver(**more: Any) -> delivery.Delivered:
    return delivery.deliver_due(now=more.pop("now", NOW), until_empty=True, **more)


def arrived() -> list[str]:
    return list(CaughtMail.objects.order_by("pk").values_list("recipient", flat=True))


def every_second(seconds: int) -> Iterator[int]:
    """How many mails have gone out after each second."""
    for second in range(seconds):
        deliver(now=NOW + timedelta(seconds=second))
        yield CaughtMail.objects.count()


# -- Whose turn it is ------------------------------------------------------------------------------------------------


def test_ticket_overtakes_all_but_the_batch_in_hand() -> None:
    queue(200, kind=WELCOME, prefix="n")
    first = delivery.deliver_due(now=NOW, limit=delivery.BATCH)
    assert first.sent == delivery.BATCH
    queue(1, kind=TICKET, prefix="t")
    deliver()

    assert arrived()[delivery.BATCH] == "t0@example.org"


def test_a_claim_takes_no_more_than_it_may_however_the_database_goes_about_it() -> None:
    queue(200, kind=WELCOME, prefix="n")
    with connection.cursor() as cursor:
        # What is left is to look at each row, and ask each time whether it is among the chosen.
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")

    assert len(delivery.claim(now=NOW, size=7)[0]) == 7
    assert Message.objects.filter(state=MessageState.SENDING).count() == 7


def test_reminders_overtake_campaigns() -> None:
    queue(30, kind=WELCOME, prefix="n")
    queue(30, kind=REMINDER, prefix="r")
    deliver()

    assert [address[0] for address in arrived()] == ["r"] * 30 + ["n"] * 30


def test_events_take_turns() -> None:
    queue(300, kind=WELCOME, prefix="long", event_id=1)
    queue(20, kind=WELCOME, prefix="short", event_id=2)
    queue(5, kind=WELCOME, prefix="site", event_id=None)
    deliver()

    order = arrived()
    last_of_short = max(n for n, address in enumerate(order) if address.startswith("short"))
    last_of_site = max(n for n, address in enumerate(order) if address.startswith("site"))
    assert last_of_short < 3 * delivery.BATCH
    assert last_of_site < 2 * delivery.BATCH
    assert len(order) == 325


def test_more_events_than_a_batch_has_room_for_are_all_served() -> None:
    for event in range(1, delivery.BATCH + 11):
        queue(2, kind=WELCOME, prefix=f"e{event}-", event_id=event)

    assert deliver().sent == 2 * (delivery.BATCH + 10)


def test_what_is_due_later_keeps_nobody_waiting() -> None:
    queue(5, kind=TICKET, prefix="t", send_at=NOW + timedelta(hours=1))
    queue(5, kind=WELCOME, prefix="n")

    assert deliver().sent == 5


# -- Limits ----------------------------------------------------------------------------------------------------------


def test_no_minute_sees_more_than_the_limit(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE = 60
    queue(300, kind=WELCOME)

    gone = [0, *every_second(180)]

    assert all(gone[second] - gone[max(second - 59, 0)] <= 60 for second in range(len(gone)))
    assert gone[60] >= 55
    assert gone[180] >= 160
    # And evenly: no ten seconds take more than a fifth of it.
    assert all(gone[second] - gone[max(second - 10, 0)] <= 16 for second in range(len(gone)))


def test_limit_of_an_event_leaves_other_events_alone(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE_AND_EVENT = 60
    queue(100, kind=WELCOME, prefix="a", event_id=1)
    queue(4, kind=WELCOME, prefix="b", event_id=2)

    done = deliver()

    assert Counter(address[0] for address in arrived()) == {"a": 6, "b": 4}
    assert 0 < done.held_back <= 60 / 54


def test_limit_of_a_host_leaves_other_hosts_alone(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE_AND_HOST = 60
    queue(100, kind=WELCOME)
    for pk in Message.objects.order_by("-pk").values_list("pk", flat=True)[:3]:
        Message.objects.filter(pk=pk).update(recipient_email=f"x{pk}@b.example", recipient_key=f"x{pk}@b.example")

    deliver()

    assert Counter(address.partition("@")[2] for address in arrived()) == {"example.org": 6, "b.example": 3}


def test_the_most_urgent_takes_what_the_limit_leaves(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE_AND_HOST = 60
    queue(100, kind=WELCOME, prefix="n")
    deliver()
    queue(1, kind=TICKET, prefix="t")
    deliver(now=NOW + timedelta(seconds=2))

    assert arrived()[6] == "t0@example.org"


def test_workers_share_one_count(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE = 60
    queue(100, kind=WELCOME)

    # What each takes is seen by the next, as they take it one after the other.
    taken = [len(delivery.claim(now=NOW, size=delivery.BATCH)[0]) for _worker in range(3)]

    assert sum(taken) == 6
    assert Message.objects.filter(state=MessageState.SENDING).count() == 6


def test_clock_that_is_set_back_holds_up_nothing(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE = 60
    queue(100, kind=WELCOME)
    deliver()
    an_hour_ago = NOW - timedelta(hours=1)
    Message.objects.update(due_at=an_hour_ago)

    deliver(now=an_hour_ago)
    deliver(now=an_hour_ago + timedelta(seconds=30))

    assert CaughtMail.objects.count() > 6


def test_counts_that_have_drained_are_forgotten(settings: Settings) -> None:
    settings.MAIL_PER_MINUTE_AND_HOST = 60
    queue(2, kind=WELCOME)
    deliver()
    assert list(Spending.objects.values_list("key", flat=True)) == ["host:example.org"]
    with transaction.atomic():
        delivery.claim(now=NOW + timedelta(minutes=3), size=1)

    assert not Spending.objects.exists()


def test_without_limits_nothing_is_counted() -> None:
    queue(30, kind=WELCOME)

    assert deliver().sent == 30
    assert not Spending.objects.exists()
