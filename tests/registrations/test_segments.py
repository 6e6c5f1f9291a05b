"""Views of the list that are kept under a name: found again, narrowed the same, of one event alone."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from events.models import Event
from registrations.models import Segment
from tests.factories.events import make_event
from tests.factories.registrations import make_choice, make_ticket, register
from tests.personae import AsUser


@pytest.fixture
def signed_in(organizer: User, as_user: AsUser) -> Client:
    return as_user(organizer)


def listed(client: Client, event: Event, query: str = "") -> str:
    return client.get(f"/organize/{event.slug}/registrations/?{query}").content.decode()


def save(client: Client, event: Event, name: str, query: str) -> str:
    answer = client.post(f"/organize/{event.slug}/registrations/segments/", {"name": name, "query": query}, follow=True)
    return answer.content.decode()


def test_a_view_is_saved_found_again_and_forgotten(event: Event, signed_in: Client) -> None:
    make_choice(event, "meals")
    ticket = make_ticket(event)
    register(ticket, name="Wang Fang", country="CN", answers={"meals": "vegan"})
    register(ticket, name="Li Na", country="CN", answers={"meals": "all"})
    register(ticket, name="Ada", country="DE", answers={"meals": "vegan"})
    query = "country=CN&answer.meals=vegan"

    assert "This view is saved" in save(signed_in, event, "Vegans from China", query)
    page = listed(signed_in, event)
    segment = Segment.objects.get(event=event)
    assert "Vegans from China" in page
    link = "country=CN&amp;answer.meals=vegan"
    assert f'href="?{link}"' in page
    found = listed(signed_in, event, query)
    assert "Wang Fang" in found
    assert "Li Na" not in found
    assert "Ada" not in found

    signed_in.post(f"/organize/{event.slug}/registrations/segments/{segment.pk}/delete/")
    assert f'href="?{link}"' not in listed(signed_in, event)


def test_saving_twice_under_one_name_is_one_view(event: Event, signed_in: Client) -> None:
    register(make_ticket(event), country="CN")
    save(signed_in, event, "Guests", "country=CN")
    save(signed_in, event, "Guests", "country=DE")
    assert [segment.wanted for segment in Segment.objects.all()] == [{"country": "DE"}]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "Give it a name of up to 100 characters."),
        ("x" * 101, "Give it a name of up to 100 characters."),
        ("bell\x07", "U+0007"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_reason(
    event: Event, signed_in: Client, name: str, reason: str
) -> None:
    register(make_ticket(event))
    assert reason in save(signed_in, event, name, "country=CN")
    assert not Segment.objects.exists()


def test_filters_that_make_no_sense_are_not_kept(event: Event, signed_in: Client) -> None:
    register(make_ticket(event))
    other = make_ticket(make_event("other-2027", organisation=event.organisation))
    save(signed_in, event, "All", f"ticket={other.pk}&state=lost&x=1")
    assert Segment.objects.get().wanted == {}


def test_a_view_of_another_event_is_not_found(event: Event, signed_in: Client) -> None:
    other = make_event("other-2027", organisation=event.organisation)
    segment = Segment.objects.create(event=other, name="Theirs", wanted={})
    assert signed_in.post(f"/organize/{event.slug}/registrations/segments/{segment.pk}/delete/").status_code == 404
    assert Segment.objects.filter(pk=segment.pk).exists()
