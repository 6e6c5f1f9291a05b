from __future__ import annotations

from events.models import Event
from tests.factories.registrations import cancel, make_quota, make_ticket, places_of, register


def test_the_first_to_ask_get_places_and_the_rest_wait(event: Event) -> None:
    ticket = make_ticket(event, 2)
    assert [register(ticket).state for _ in range(4)] == ["confirmed", "confirmed", "waiting", "waiting"]


def test_cancelling_frees_the_place_for_the_first_in_line(event: Event) -> None:
    quota = make_quota(event, 1)
    ticket = make_ticket(event, quotas=[quota])
    first, second, third = register(ticket), register(ticket), register(ticket)
    cancel(first)
    for registration in (second, third):
        registration.refresh_from_db()
    assert (second.state, third.state) == ("confirmed", "waiting")
    assert places_of(quota) == (1, 1)
