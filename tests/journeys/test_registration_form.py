"""Filling in the form as people do: on a phone, with the back button, in two tabs, without a connection."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import BrowserContext, Locator, Page, expect

from accounts.models import User
from accounts.services import institutions
from events.models import Event
from registrations.models import Question, Registration
from tests.browser import check_accessibility, check_fits
from tests.factories.registrations import PDF, make_choice, make_question, make_section, make_ticket, register

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FORM = "/food-2027/register/"


@pytest.fixture
def full_form(event: Event, tmp_path: Any, settings: Any) -> Event:
    settings.MEDIA_ROOT = tmp_path
    student, _regular = make_ticket(event, name={"en": "Student"}), make_ticket(event, name={"en": "Regular"})
    make_choice(event, "meals", is_required=True, label={"en": "What do you eat?", "zh-hans": "您的饮食习惯？"})
    section = make_section(event)
    visa = make_question(
        event, "visa", "yes_no", section=section, label={"en": "Do you need a visa?", "zh-hans": "是否需要签证？"}
    )
    make_question(
        event,
        "passport",
        section=section,
        condition_question=visa,
        condition_values=[True],
        is_required=True,
        is_sensitive=True,
        label={"en": "Passport number", "zh-hans": "护照号码"},
    )
    make_question(
        event,
        "nights",
        "number",
        section=section,
        settings={"minimum": 1, "maximum": 14, "unit": {"en": "nights", "zh-hans": "晚"}},
        label={"en": "How long do you stay?", "zh-hans": "停留几晚？"},
    )
    make_question(
        event,
        "card",
        "file",
        ticket_types=[student],
        label={"en": "Student card", "zh-hans": "学生证"},
        settings={"file_types": ["pdf", "jpg"]},
    )
    make_question(
        event,
        "privacy",
        "consent",
        is_required=True,
        label={"en": "I agree to the privacy notice.", "zh-hans": "我同意隐私声明。"},
        settings={"link": "https://example.org/privacy"},
    )
    return event


def fill(page: Page, *, email: str = "ada@example.org") -> None:
    page.get_by_label("Regular").check()
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Vegan").check()
    page.get_by_label("I agree to the privacy notice.").check()


def press(page: Page) -> None:
    page.get_by_role("button", name="Register", exact=True).click()


def test_a_phone_of_360_pixels_asks_only_what_concerns_one_and_says_how_to_mend(
    full_form: Event, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context(phone=True)
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(FORM)
    expect(page.get_by_label("Passport number")).to_be_hidden()
    expect(page.get_by_label("Student card")).to_be_hidden()
    page.get_by_role("radio", name=re.compile("^Student")).check()
    expect(page.get_by_label("Student card")).to_be_visible()
    page.locator("[name=answer_visa][value=yes]").check()
    expect(page.get_by_label("Passport number")).to_be_visible()
    page.get_by_label("How long do you stay?").fill("40")
    press(page)
    expect(page.locator(".form-errors")).to_be_focused()
    check_fits(page)
    check_accessibility(page)
    page.get_by_role("link", name="Passport number").click()
    expect(page.get_by_label("Passport number")).to_be_focused()
    expect(page.get_by_text("Write 14 or less.").first).to_be_visible()
    fill(page)
    page.locator("[name=answer_visa][value=no]").check()
    page.get_by_label("How long do you stay?").fill("3")
    press(page)
    page.wait_for_url("**/registrations/**")
    answers = {a.question.identifier: a.value for a in Registration.objects.get().answers.all()}
    assert answers == {"meals": "vegan", "visa": False, "nights": 3, "privacy": True}


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_form_errors_and_builder_have_no_violation_in_both_languages(
    full_form: Event, organizer: User, new_context: Callable[..., BrowserContext], site: str, language: str, scheme: Any
) -> None:
    for phone in (False, True):
        context = new_context(phone=phone, language=language, color_scheme=scheme)
        client = Client()
        client.force_login(organizer)
        name = django_settings.SESSION_COOKIE_NAME
        page = context.new_page()
        page.goto(FORM)
        check_accessibility(page)
        page.locator("main button[type=submit]").first.click()
        expect(page.locator(".form-errors")).to_be_visible()
        check_accessibility(page)
        check_fits(page)
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])
        visa = Question.objects.get(identifier="passport")
        for path in ("", "new/", f"{visa.pk}/", "sections/new/"):
            page.goto(f"/organize/food-2027/questions/{path}")
            check_accessibility(page)
            check_fits(page)


def test_what_was_typed_survives_a_closed_page_and_can_be_dropped(full_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(page)
    page.locator("[name=answer_visa][value=yes]").check()
    page.get_by_label("Passport number").fill("E1234567")
    page.goto("/")
    page.goto(FORM)
    expect(page.get_by_text("What you typed here last time is filled in again.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ada Lovelace")
    expect(page.get_by_label("Vegan")).to_be_checked()
    # Never kept, though the question it hangs on is.
    expect(page.get_by_label("Passport number")).to_have_value("")
    assert "E1234567" not in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_role("button", name="Start afresh").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("")
    expect(page.get_by_text("What you typed here last time")).to_be_hidden()


def test_a_lost_connection_loses_nothing_and_registers_once(full_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(page)
    page.context.set_offline(True)
    press(page)
    expect(page.get_by_text("There is no connection")).to_be_visible()
    check_accessibility(page)
    page.context.set_offline(False)
    # The answer gets lost on its way back: the place is taken, and nobody knows.
    page.route(
        f"**{FORM}",
        lambda route: (route.fetch(), route.abort()) if route.request.method == "POST" else route.continue_(),
    )
    press(page)
    expect(page.get_by_text("There is no connection")).to_be_visible()
    page.unroute(f"**{FORM}")
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ada Lovelace")
    press(page)
    page.wait_for_url("**/registrations/**")
    assert Registration.objects.count() == 1
    assert page.evaluate("localStorage.getItem('lihu-draft-food-2027')") is None


def test_back_two_tabs_and_a_double_click_have_one_effect(full_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(page)
    other = page.context.new_page()
    other.goto(FORM)
    page.get_by_role("button", name="Register", exact=True).dblclick()
    page.wait_for_url("**/registrations/**")
    page.go_back()
    page.wait_for_load_state()
    # Where the browser kept what was typed, it may be a new form: then the address is known already, and its owner gets a mail.
    if page.get_by_label("Name", exact=True).input_value():
        press(page)
        page.wait_for_url(re.compile("/registrations/|/register/sent/"))
    other.bring_to_front()
    press(other)
    other.wait_for_url("**/registrations/**")
    assert Registration.objects.count() == 1


def test_without_a_script_everything_is_there_with_a_note(
    full_form: Event, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(FORM)
    expect(page.get_by_text("Only if you answer “Do you need a visa?” with “Yes”.")).to_be_visible()
    fill(page)
    page.get_by_label("Passport number").fill("not asked, so not kept")
    page.get_by_label("Student card").set_input_files(
        {"name": "card.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    press(page)
    page.wait_for_url("**/registrations/**")
    assert {a.question.identifier for a in Registration.objects.get().answers.all()} == {"meals", "privacy"}


def test_a_university_is_chosen_by_keyboard(full_form: Event, page: Page) -> None:
    institutions.load([entry for entry in institutions.read_bundled() if entry.country == "CN"])
    page.goto(FORM)
    fill(page, email="ada@stu.jiangnan.edu.cn")
    field = page.get_by_role("combobox", name="University or organisation")
    field.focus()
    # Known by the address, before anything is typed.
    expect(page.locator(".suggestions [role=option]")).to_have_count(1)
    field.press_sequentially("fuda")
    option = page.locator(".suggestions").get_by_role("option", name="Fudan University")
    expect(option).to_be_visible()
    check_accessibility(page)
    field.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value("Fudan University")
    press(page)
    page.wait_for_url("**/registrations/**")
    row = Registration.objects.get()
    assert row.institution
    assert (row.affiliation, str(row.institution)) == ("Fudan University", "Fudan University")


def test_a_mistyped_mailbox_is_pointed_out_and_mended_by_one_click(full_form: Event, page: Page) -> None:
    page.goto(FORM)
    fill(page, email="ada@gmial.com")
    page.get_by_label("E-mail address").blur()
    page.get_by_role("button", name="ada@gmail.com").click()
    expect(page.get_by_label("E-mail address")).to_have_value("ada@gmail.com")


def test_an_organizer_previews_and_moves_questions(
    full_form: Event, organizer: User, new_context: Callable[..., BrowserContext], site: str
) -> None:
    client = Client()
    client.force_login(organizer)
    context = new_context()
    name = django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])
    page = context.new_page()
    page.goto("/organize/food-2027/questions/new/")
    page.locator("#id_label_0").fill("How do you arrive?")
    page.get_by_label("Multiple choice").check()
    expect(page.get_by_label("Largest file, in MB")).to_be_hidden()
    page.get_by_label("Answers to choose from").fill("Train | 火车\nBoat | 船")
    preview = page.locator("[data-preview]")
    expect(preview.get_by_text("火车")).to_be_visible()
    expect(preview.get_by_text("How do you arrive?").first).to_be_visible()
    page.get_by_role("button", name="Save").last.click()
    page.wait_for_url("**/questions/")
    before = list(Question.objects.asked().values_list("identifier", flat=True))
    page.get_by_role("button", name="Move How do you arrive? up").click()
    expect(page.locator("[data-order-status]")).to_have_text("The new order is saved.")
    order = list(Question.objects.asked().values_list("identifier", flat=True))
    at = before.index("how_do_you_arrive")
    assert order == [*before[: at - 1], before[at], before[at - 1], *before[at + 1 :]]
    # Nobody is asked before the question that decides about it.
    page.get_by_role("button", name="Move Passport number up").click()
    expect(page.locator("[data-order-status]")).to_contain_text("not possible")
    assert [q for q in Question.objects.asked().values_list("identifier", flat=True) if q in {"visa", "passport"}] == [
        "visa",
        "passport",
    ]
    register(full_form.ticket_types.all()[0], answers={"meals": "all", "privacy": True})


def read_off(code: Locator) -> str:
    """What a reader makes of it as it is on the screen."""
    blank = code.page.context.new_page()
    picture = base64.b64encode(code.screenshot()).decode()
    width, height, grey = blank.evaluate(
        """async (picture) => {
            const image = new Image(); image.src = `data:image/png;base64,${picture}`; await image.decode()
            const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d")
            context.drawImage(image, 0, 0)
            const { data } = context.getImageData(0, 0, image.width, image.height)
            return [image.width, image.height, Array.from(data.filter((_, place) => place % 4 === 1))]
        }""",
        picture,
    )
    blank.close()
    (found,) = zxingcpp.read_barcodes(memoryview(bytes(grey)).cast("B", (height, width)))
    return str(found.text)


@pytest.mark.parametrize("is_phone", [True, False], ids=["phone", "desktop"])
def test_the_code_for_the_door_is_seen_without_scrolling(
    event: Event, new_context: Callable[..., BrowserContext], is_phone: bool
) -> None:
    registration = register(make_ticket(event))
    page = new_context(phone=is_phone).new_page()
    page.goto(f"/food-2027/registrations/{registration.code}/{registration.secret}/")
    expect(page.locator(".qr")).to_be_in_viewport(ratio=1)
    code, words = (page.locator(selector).bounding_box() for selector in (".qr", ".with-aside .lead"))
    assert code
    assert words
    # On a wide screen it stands beside what is said of it.
    assert is_phone == (words["y"] >= code["y"] + code["height"])
    assert read_off(page.locator(".qr svg")) == f"LIHU:food-2027:{registration.code}:{registration.secret}"
    check_accessibility(page)
    check_fits(page)


def test_words_about_ones_data_do_not_touch_the_buttons_under_them(event: Event, phone: Page) -> None:
    registration = register(make_ticket(event))
    phone.goto(f"/food-2027/registrations/{registration.code}/{registration.secret}/")
    words, button = (phone.locator(f"#data {selector}").bounding_box() for selector in ("p.muted", ".button >> nth=0"))
    assert words
    assert button
    assert button["y"] - words["y"] - words["height"] >= 8
