"""Registering a group as people do: on a phone, with and without a script, and with a draft that comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from accounts.services import institutions
from events.models import Event
from registrations.models import Registration, RegistrationGroup
from tests.browser import check_accessibility, check_fits
from tests.factories.registrations import make_choice, make_question, make_section, make_ticket

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SINGLE = "/food-2027/register/"
FORM = f"{SINGLE}group/"


@pytest.fixture
def group_form(event: Event) -> Event:
    student = make_ticket(event, 3, name={"en": "Student", "zh-hans": "学生"})
    make_ticket(event, 3, name={"en": "Regular", "zh-hans": "普通"}, price="80.00")
    make_choice(event, "meals", is_required=True, label={"en": "What do they eat?", "zh-hans": "饮食习惯？"})
    make_question(event, "hobby", label={"en": "Hobby", "zh-hans": "爱好"})
    make_question(
        event,
        "number",
        section=make_section(event, "Studies"),
        is_required=True,
        ticket_types=[student],
        label={"en": "Student number", "zh-hans": "学号"},
    )
    return event


def person(page: Page, number: int) -> Locator:
    """By the number that is shown."""
    return page.get_by_role("group", name=f"Person {number}", exact=True)


def fill(who: Locator, name: str, email: str, *, ticket: str = "Student", meals: str = "Vegan") -> None:
    who.get_by_label("Ticket").select_option(label=ticket)
    who.get_by_label("Name", exact=True).fill(name)
    who.get_by_label("E-mail address").fill(email)
    who.get_by_label(meals).check()
    if ticket == "Student":
        who.get_by_label("Student number").fill(f"S {name}")


def add(page: Page) -> None:
    page.get_by_role("button", name="Add another person").click()


def press(page: Page) -> None:
    page.get_by_role("button", name="Register all").click()


def names() -> list[str]:
    return [registration.name for registration in Registration.objects.order_by("pk")]


def test_a_group_is_registered_on_a_phone_with_three_requests(
    group_form: Event, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(phone=True).new_page()
    page.goto(SINGLE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method) if "/register/" in request.url else None)
    page.get_by_role("link", name="Register a group").click()
    page.wait_for_url(f"**{FORM}")
    check_accessibility(page)
    check_fits(page)
    expect(page.get_by_role("button", name="Remove person 1")).to_be_hidden()
    expect(person(page, 1).get_by_label("Student number")).to_be_hidden()
    expect(page.get_by_label("Hobby")).to_have_count(0)
    fill(person(page, 1), "Ada Lovelace", "ada@example.org")
    add(page)
    expect(person(page, 2).get_by_label("Name", exact=True)).to_be_focused()
    # The ticket of the one before; only what concerns each is asked.
    expect(person(page, 2).get_by_label("Student number")).to_be_visible()
    fill(person(page, 2), "Wang Fang", "nobody", ticket="Regular")
    expect(person(page, 2).get_by_label("Student number")).to_be_hidden()
    add(page)
    fill(person(page, 3), "Bo Liu", "bo@example.org")
    press(page)
    expect(page.locator(".form-errors")).to_be_focused()
    check_accessibility(page)
    check_fits(page)
    page.get_by_role("link", name="Person 2 · E-mail address").click()
    expect(person(page, 2).get_by_label("E-mail address")).to_be_focused()
    person(page, 2).get_by_label("E-mail address").fill("fang@example.org")
    press(page)
    page.wait_for_url(f"**{FORM}*/")
    check_accessibility(page)
    check_fits(page)
    assert names() == ["Ada Lovelace", "Wang Fang", "Bo Liu"]
    # The page, the form with an error and without, and the page afterwards.
    assert asked == ["GET", "POST", "POST", "GET"]
    assert page.evaluate("localStorage.length") == 0


def test_somebody_is_taken_out_and_put_back(group_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(person(page, 1), "Ada Lovelace", "ada@example.org")
    for number, name in ((2, "Bo Liu"), (3, "Wang Fang")):
        add(page)
        fill(person(page, number), name, f"{number}@example.org")
    page.get_by_role("button", name="Remove person 2").click()
    expect(page.get_by_text("This person is taken out: Bo Liu")).to_be_visible()
    expect(person(page, 2).get_by_label("Name", exact=True)).to_have_value("Wang Fang")
    expect(person(page, 3)).to_have_count(0)
    check_accessibility(page)
    page.get_by_role("button", name="Put back").click()
    expect(person(page, 2).get_by_label("Name", exact=True)).to_be_focused()
    expect(person(page, 2).get_by_label("Name", exact=True)).to_have_value("Bo Liu")
    page.get_by_role("button", name="Remove person 2").click()
    # The key “Enter” sends the form, and takes nobody away.
    person(page, 1).get_by_label("Name", exact=True).press("Enter")
    page.wait_for_url(f"**{FORM}*/")
    assert names() == ["Ada Lovelace", "Wang Fang"]


def test_a_draft_brings_back_everybody(group_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(person(page, 1), "Ada Lovelace", "ada@example.org")
    for number, name in ((2, "Bo Liu"), (3, "Wang Fang")):
        add(page)
        fill(person(page, number), name, f"{number}@example.org")
    page.get_by_role("button", name="Remove person 1").click()
    page.goto("/")
    page.goto(FORM)
    expect(page.get_by_text("What you typed here last time is filled in again.")).to_be_visible()
    expect(person(page, 1).get_by_label("Name", exact=True)).to_have_value("Bo Liu")
    expect(person(page, 2).get_by_label("Student number")).to_have_value("S Wang Fang")
    expect(person(page, 3)).to_have_count(0)
    # The draft of one's own registration is another.
    page.goto(SINGLE)
    expect(page.get_by_label("Name", exact=True)).to_have_value("")
    page.goto(FORM)
    press(page)
    page.wait_for_url(f"**{FORM}*/")
    assert names() == ["Bo Liu", "Wang Fang"]


def test_a_lost_connection_and_a_double_click_register_once(group_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(person(page, 1), "Ada Lovelace", "ada@example.org")
    add(page)
    fill(person(page, 2), "Bo Liu", "bo@example.org")
    page.route(
        f"**{FORM}",
        lambda route: (route.fetch(), route.abort()) if route.request.method == "POST" else route.continue_(),
    )
    press(page)
    expect(page.get_by_text("There is no connection")).to_be_visible()
    page.unroute(f"**{FORM}")
    page.get_by_role("button", name="Register all").dblclick()
    page.wait_for_url(f"**{FORM}*/")
    assert names() == ["Ada Lovelace", "Bo Liu"]
    assert RegistrationGroup.objects.count() == 1


def test_who_is_added_gets_suggestions_of_universities_too(group_form: Event, page: Page) -> None:
    institutions.load([entry for entry in institutions.read_bundled() if entry.country == "CN"])
    page.goto(FORM)
    add(page)
    field = person(page, 2).get_by_role("combobox", name="University or organisation")
    field.press_sequentially("fuda")
    page.get_by_role("option", name="Fudan University").click()
    expect(field).to_have_value("Fudan University")
    chosen = page.locator("[name=person-2-institution]").input_value()
    # People of a group mostly share it.
    add(page)
    expect(page.locator("[name=person-3-affiliation]")).to_have_value("Fudan University")
    assert page.locator("[name=person-3-institution]").input_value() == chosen != ""
    person(page, 2).get_by_label("E-mail address").fill("ada@gmial.com")
    person(page, 2).get_by_label("E-mail address").blur()
    person(page, 2).get_by_role("button", name="ada@gmail.com").click()
    expect(person(page, 2).get_by_label("E-mail address")).to_have_value("ada@gmail.com")
    expect(person(page, 1).get_by_text("Did you mean")).to_be_hidden()


def test_without_a_script_people_are_added_and_taken_away_by_the_server(
    group_form: Event, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(FORM)
    expect(page.get_by_text("Only with the ticket “Student”.")).to_be_visible()
    fill(person(page, 1), "Ada Lovelace", "ada@example.org")
    add(page)
    fill(person(page, 2), "Bo Liu", "bo@example.org", ticket="Regular")
    add(page)
    page.get_by_role("button", name="Remove person 1").click()
    expect(person(page, 1).get_by_label("Name", exact=True)).to_have_value("Bo Liu")
    fill(person(page, 2), "Wang Fang", "fang@example.org")
    person(page, 2).get_by_label("Name", exact=True).press("Enter")
    page.wait_for_url(f"**{FORM}*/")
    assert names() == ["Bo Liu", "Wang Fang"]
    expect(page.get_by_role("row")).to_have_count(3)


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
@pytest.mark.parametrize("phone", [False, True])
def test_the_pages_of_a_group_have_no_violation(
    group_form: Event, new_context: Callable[..., BrowserContext], language: str, scheme: Any, phone: bool
) -> None:
    page = new_context(phone=phone, language=language, color_scheme=scheme).new_page()
    page.goto(FORM)
    check_accessibility(page)
    page.locator("button[name=add]").click()
    page.locator("form button[type=submit].button-primary").click()
    expect(page.locator(".form-errors")).to_be_visible()
    check_accessibility(page)
    check_fits(page)
    for number in (1, 2):
        page.locator(f"[name=person-{number}-ticket_type]").select_option(index=2)
        page.locator(f"[name=person-{number}-name]").fill(f"Ada {number}")
        page.locator(f"[name=person-{number}-email]").fill(f"ada{number}@example.org")
        page.locator(f"[name=person-{number}-answer_meals]").first.check()
    page.locator("form button[type=submit].button-primary").click()
    page.wait_for_url(f"**{FORM}*/")
    check_accessibility(page)
    check_fits(page)
