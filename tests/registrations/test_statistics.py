"""Who comes, in numbers that are the list's own."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from events.models import Event
from registrations import statistics
from registrations.models import Registration
from tests.factories.registrations import NOW, cancel, make_choice, make_question, make_ticket, register
from tests.personae import AsUser


def plot(event: Event, code: str) -> list[tuple[str, int]]:
    found = {plot.code: plot for plot in statistics.plots(event, Registration.objects.filter(event=event))}
    return found[code].rows


def test_countries_and_tickets_are_counted_the_most_frequent_first(event: Event) -> None:
    hall, online = make_ticket(event, name={"en": "Hall"}), make_ticket(event, name={"en": "Online"})
    for country in ("CN", "CN", "DE", ""):
        register(hall, country=country)
    register(online, country="DE")
    register(online, country="DE")
    assert plot(event, "countries") == [("Germany", 3), ("China", 2), ("Not said", 1)]
    assert plot(event, "tickets") == [("Hall", 4), ("Online", 2)]


def test_an_institution_spelt_in_two_ways_is_one(event: Event) -> None:
    ticket = make_ticket(event)
    for name in ("Jiangnan University", "jiangnan  university", "Jiangnan University", "江南大学"):
        register(ticket, affiliation=name)
    assert plot(event, "institutions") == [("Jiangnan University", 3), ("江南大学", 1)]


def test_answers_are_counted_with_those_that_nobody_gave(event: Event) -> None:
    meals, visa = make_choice(event, "meals", ["all", "vegan", "halal"]), make_question(event, "visa", "yes_no")
    ticket = make_ticket(event)
    for answers in ({"meals": "vegan", "visa": True}, {"meals": "vegan"}, {"meals": "all", "visa": False}):
        register(ticket, answers=answers)
    assert plot(event, f"question-{meals.pk}") == [("Vegan", 2), ("All", 1), ("Halal", 0)]
    assert sorted(plot(event, f"question-{visa.pk}")) == [("No", 1), ("Yes", 1)]


def test_days_are_those_of_the_events_zone_and_have_no_gaps(event: Event) -> None:
    ticket = make_ticket(event)
    # 1 March, 23:30 and 2 March, 00:30 in Shanghai; then nothing for a day.
    for at in ("2027-03-01T15:30", "2027-03-01T16:30", "2027-03-03T16:30"):
        register(ticket, now=datetime.fromisoformat(at).replace(tzinfo=UTC))
    found = statistics.growth(event, Registration.objects.filter(event=event))
    assert [(step.day.day, step.count, step.sum) for step in found.steps] == [
        (1, 1, 1),
        (2, 1, 2),
        (3, 0, 2),
        (4, 1, 3),
    ]


def test_months_are_counted_by_weeks(event: Event) -> None:
    ticket = make_ticket(event)
    for days in (0, 1, 80):
        register(ticket, now=NOW - timedelta(days=90 - days))
    found = statistics.growth(event, Registration.objects.filter(event=event))
    assert found.by_week
    assert {step.day.weekday() for step in found.steps} == {0}
    assert sum(step.count for step in found.steps) == found.steps[-1].sum == 3


def test_what_is_rare_is_drawn_together_and_stands_in_the_table(event: Event) -> None:
    ticket = make_ticket(event, 100)
    for number in range(20):
        register(ticket, affiliation=f"University {number:02}")
    found = next(p for p in statistics.plots(event, event.registrations.all()) if p.code == "institutions")
    assert (len(found.bars), len(found.rows)) == (statistics.MOST_BARS + 1, 20)
    assert (found.bars[-1].label, found.bars[-1].count) == ("5 others", 5)


# -- The page -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(organizer: User, as_user: AsUser) -> Client:
    return as_user(organizer)


@pytest.fixture
def page(event: Event, signed_in: Client) -> Any:
    def get(path: str = "") -> Any:
        return signed_in.get(f"/organize/{event.slug}/registrations/numbers/{path}")

    return get


def test_numbers_lead_to_whom_they_count(event: Event, page: Any, signed_in: Client) -> None:
    ticket = make_ticket(event)
    for country in ("CN", "DE", "DE"):
        register(ticket, country=country)
    content = page().content.decode()
    link = f"/organize/{event.slug}/registrations/?country=DE"
    assert f'href="{link}"' in content
    assert "2 registrations" in signed_in.get(link).content.decode()


def test_who_is_counted_stands_in_the_address(event: Event, page: Any) -> None:
    ticket = make_ticket(event, 2)
    gone, *_others = (register(ticket, country=country) for country in ("FR", "CN", "BR", "IN"))
    cancel(gone)
    seen = {who: page(f"countries.csv?who={who}").getvalue().decode() for who in ("coming", "waiting", "gone")}
    assert {
        who: [name for name in ("China", "Brazil", "India", "France") if name in text] for who, text in seen.items()
    } == {
        "coming": ["China", "Brazil"],
        "waiting": ["India"],
        "gone": ["France"],
    }


@pytest.mark.parametrize("code", ["growth", "tickets", "countries", "institutions"])
def test_each_plot_can_be_taken_along(event: Event, page: Any, code: str) -> None:
    register(make_ticket(event), affiliation="=1+1")
    rows = list(csv.reader(io.StringIO(page(f"{code}.csv").getvalue().decode("utf-8-sig"), newline="")))
    assert len(rows) == 2
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert page(f"{code}.xlsx").getvalue()[:2] == b"PK"
    assert page("nothing.csv").status_code == 404


def test_an_event_without_registrations_says_what_the_page_is_for(page: Any) -> None:
    assert "Nobody to count here yet" in page().content.decode()


def test_many_registrations_cost_as_many_queries_as_one(event: Event) -> None:
    make_choice(event, "meals")
    ticket = make_ticket(event, 100)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            statistics.plots(event, event.registrations.all())
            statistics.growth(event, event.registrations.all())
        return len(captured)

    register(ticket, answers={"meals": "vegan"})
    one = queries()
    for _ in range(5):
        register(ticket, answers={"meals": "all"})
    assert queries() == one
