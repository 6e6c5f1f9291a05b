"""The organizer's forms have their effect once, and can be sent again wherever they had none."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import User
from events.models import Event
from events.services import events
from registrations.models import Quota
from tests.factories.events import NOW
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

ADDRESS = "/organize/food-2027/quotas/new/"


@pytest.fixture
def organize(as_user: AsUser, organizer: User, event: Event) -> Client:
    return as_user(organizer)


def token(client: Client) -> str:
    """Of the form, as its page has it."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(ADDRESS).content.decode())
    assert found
    return found[1]


def change_state(event: Event, state: str) -> None:
    events.update_event(event=event, changes={"state": state}, actor=None, now=NOW)


def test_the_same_form_again_leads_to_the_same_place_and_says_so(organize: Client) -> None:
    values = {"csrfmiddlewaretoken": token(organize), "name": "Hall", "size": "5"}
    first, again = organize.post(ADDRESS, values), organize.post(ADDRESS, values, follow=True)
    assert again.redirect_chain == [(first["Location"], 302)]
    assert "had been sent already" in again.content.decode()
    assert Quota.objects.count() == 1


def test_a_form_of_a_page_that_was_opened_anew_is_another_one(organize: Client) -> None:
    for _ in range(2):
        organize.post(ADDRESS, {"csrfmiddlewaretoken": token(organize), "name": "Hall", "size": "5"})
    assert Quota.objects.count() == 2


def test_other_values_are_another_form(organize: Client) -> None:
    values = {"csrfmiddlewaretoken": token(organize), "size": "5"}
    for name in ("Hall", "Annex"):
        organize.post(ADDRESS, {**values, "name": name})
    assert set(Quota.objects.values_list("name", flat=True)) == {"Hall", "Annex"}


def test_what_was_refused_can_be_sent_again(organize: Client, event: Event) -> None:
    values = {"csrfmiddlewaretoken": token(organize), "name": "Hall", "size": "-1"}
    for _ in range(2):
        answer = organize.post(ADDRESS, values)
        assert answer.status_code == 200
        assert "had been sent already" not in answer.content.decode()
    assert not Quota.objects.exists()


def test_what_was_refused_on_the_page_that_it_led_to_can_be_sent_again(organize: Client, event: Event) -> None:
    """A draft cannot be archived. Once somebody has published it, the form that is still open can."""
    change_state(event, "draft")
    values = {"csrfmiddlewaretoken": token(organize), "state": "archived"}
    state = "/organize/food-2027/state/"
    for _ in range(2):
        page = organize.post(state, values, follow=True).content.decode()
        assert "A draft cannot be archived" in page
        assert "had been sent already" not in page
    change_state(event, "live")
    assert "A draft cannot be archived" not in organize.post(state, values, follow=True).content.decode()
    event.refresh_from_db()
    assert event.state == "archived"
    assert "had been sent already" in organize.post(state, values, follow=True).content.decode()


def test_a_script_that_stays_on_its_page_says_so_and_is_heard_each_time(organize: Client) -> None:
    values = {"csrfmiddlewaretoken": token(organize), "name": "Hall", "size": "5"}
    for _ in range(2):
        organize.post(ADDRESS, values, headers={"X-Lihu-Form": "1"})
    assert Quota.objects.count() == 2
