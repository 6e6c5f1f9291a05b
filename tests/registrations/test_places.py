from __future__ import annotations

import pytest

from events.models import Event
from registrations.models import Registration, TicketType
from registrations.services.registering import CannotRegister
from tests.factories.registrations import NOW, cancel, make_quota, make_ticket, places_of, register


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


def test_a_form_that_is_sent_again_after_the_ticket_closed_leads_to_what_came_of_the_first(event: Event) -> None:
    ticket = make_ticket(event)
    first = register(ticket, "first@example.org", form_token="one-form")
    TicketType.objects.update(available_until=NOW)
    ticket.refresh_from_db()

    assert register(ticket, "first@example.org", form_token="one-form").pk == first.pk
    with pytest.raises(CannotRegister, match="Registration closed"):
        register(ticket, "first@example.org", form_token="another-form")
    assert Registration.objects.count() == 1
