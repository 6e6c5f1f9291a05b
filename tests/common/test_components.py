"""The design system keeps its promises: contrast, size, escaping, keyboards, and a page of documentation that is complete."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django import forms
from django.template import engines
from django.test import Client, RequestFactory
from playwright.sync_api import BrowserContext, Page
from pytest_django import Settings

from common.design import ACCENTS, ExampleForm
from common.forms import Form, LocalizedField
from common.problems import Problem
from events.models.events import ACCENTS as EVENT_ACCENTS
from tests.browser import check_fits

ROOT = Path(__file__).resolve().parents[2]
CSS = (ROOT / "static/css/lihu.css").read_text()


def render(source: str, **context: object) -> str:
    """As a page's template, components included."""
    loader = engines["django"].engine.template_loaders[0].loaders[0]  # type: ignore[attr-defined]
    compiled = loader.cotton_compiler.process(source)
    return str(engines["django"].from_string(compiled).render(context, RequestFactory().get("/")))


# -- Colours ---------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: from 1 to 21."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


PAIRS = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", CSS))
THEMES = {
    theme: {name: pair.split(", ")[n] for name, pair in PAIRS.items()} for n, theme in enumerate(("light", "dark"))
}
STATES = ("success", "warning", "danger", "info")


def accent(name: str, theme: str) -> tuple[str, str]:
    rule = re.search(rf'\[data-accent="{name}"\] \{{(.*?)\}}', CSS)
    assert rule, name
    values = dict(re.findall(r"--([\w-]+): (#\w{6})", rule[1]))
    return values[f"accent-{theme}"], values[f"accent-soft-{theme}"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("background", ["page", "surface", "sunken"])
def test_text_and_the_edges_of_controls_can_be_seen_on_every_background(theme: str, background: str) -> None:
    colours = THEMES[theme]
    for name in ("ink", "ink-soft", *STATES):
        assert contrast(colours[name], colours[background]) >= 4.5, name
    assert contrast(colours["edge"], colours[background]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("state", STATES)
def test_states_can_be_read_on_their_own_tint_and_under_white(theme: str, state: str) -> None:
    colours = THEMES[theme]
    tint = colours[f"{state}-soft"]
    assert contrast(colours[state], tint) >= 4.5
    assert contrast(colours["ink"], tint) >= 4.5
    assert contrast(colours["on-strong"], colours[state]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ACCENTS)
def test_every_accent_can_be_read_wherever_it_is_used(name: str, theme: str) -> None:
    colours = THEMES[theme]
    strong, soft = accent(name, theme)
    for background in (colours["page"], colours["surface"], colours["sunken"], soft):
        assert contrast(strong, background) >= 4.5, background
    assert contrast(colours["on-strong"], strong) >= 4.5
    assert contrast(colours["ink"], soft) >= 7
    assert contrast(colours["ink-soft"], soft) >= 4.5


def test_browsers_without_light_dark_get_the_colours_of_the_day() -> None:
    # The first rules of the token layer are for them; the pairs come after, behind @supports.
    plain = dict(re.findall(r"--([\w-]+): (#\w{6});", CSS[CSS.index("@layer tokens {") : CSS.index("@supports")]))
    assert {name: plain[name] for name in PAIRS} == THEMES["light"]


def test_the_accents_that_events_may_choose_are_those_that_are_drawn() -> None:
    assert tuple(key for key, _label in EVENT_ACCENTS) == ACCENTS


# -- Size ------------------------------------------------------------------------------------------------------------


def compressed(*paths: str) -> int:
    return sum(len(gzip.compress((ROOT / "static" / path).read_bytes(), 9)) for path in paths)


def test_styles_are_small_enough_for_a_slow_phone() -> None:
    assert compressed("css/lihu.css", "css/organize.css") <= 30_000


def test_what_every_public_page_loads_leaves_room_for_its_own_scripts() -> None:
    assert compressed("css/lihu.css", "js/theme.js", "js/lihu.js", "img/favicon.svg") <= 20_000


# -- Templates ---------------------------------------------------------------------------------------------------------


def test_every_component_is_documented_and_every_documented_one_exists() -> None:
    page = (ROOT / "docs/reference/components.md").read_text()
    table = page[page.index("## Components\n") : page.index("## Forms\n")]
    documented = set(re.findall(r"`c-([a-z-]+)`", table))
    existing = {path.stem.replace("_", "-") for path in (ROOT / "templates/components").glob("*.html")}
    assert documented == existing


def test_a_component_sees_nothing_of_the_page_that_it_was_not_given() -> None:
    assert "leaked" not in render("<c-card>x</c-card>", title="leaked", foot="leaked", actions="leaked")


HOSTILE = "\"><script>alert('x')</script>"


@pytest.mark.parametrize(
    "source",
    [
        '<c-card title="{{ text }}">{{ text }}</c-card>',
        '<c-card :title="text" />',
        '<c-button href="{{ text }}" data-note="{{ text }}">{{ text }}</c-button>',
        '<c-button :data-note="text" />',
        '<c-speaker-card name="{{ text }}" affiliation="{{ text }}" native_name="{{ text }}" href="{{ text }}" />',
        '<c-session-card title="{{ text }}" speakers="{{ text }}" room="{{ text }}" track="{{ text }}" colour="{{ text }}" />',
        '<c-copy value="{{ text }}" label="{{ text }}" />',
        '<c-search value="{{ text }}" label="{{ text }}" />',
        '<c-avatar name="{{ text }}" />',
        '<c-tabs :items="items" label="{{ text }}" />',
        '<c-page-header title="{{ text }}" lead="{{ text }}" />',
        '<c-form-errors :problems="problems" />',
    ],
)
def test_hostile_text_stays_text_in_every_place(source: str) -> None:
    items = [{"label": HOSTILE, "url": HOSTILE, "active": True, "count": HOSTILE}]
    html = render(source, text=HOSTILE, items=items, problems=[Problem(code="x", message=HOSTILE, fix=HOSTILE)])
    assert "<script" not in html
    # Of a name an avatar shows the first letters.
    assert ("alert(&#x27;" in html) == ("<c-avatar" not in source)
    assert "alert('" not in html


def test_every_value_given_to_an_attribute_is_kept_as_typed() -> None:
    # Cotton reads `:name` as Python where it is no variable; text given in quotes is never read.
    assert ">[1, 2]</h2>" in render('<c-card title="{{ text }}" />', text="[1, 2]").replace("\n", "")


# -- Forms -------------------------------------------------------------------------------------------------------------


class Everything(Form):
    autofill = True
    name = forms.CharField(label="Name", max_length=5, help_text="As in your passport.")
    email = forms.EmailField(label="Address", required=False)
    kind = forms.ChoiceField(label="Kind", choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    day = forms.DateField(label="Day", required=False)
    title = LocalizedField(label="Title", locales=["en", "zh-hans"], help_text="Short.")
    agreed = forms.BooleanField(label="I agree")


def test_optional_fields_say_so_and_required_ones_do_not() -> None:
    html = Everything().render()
    optional = re.findall(r"<(?:label|legend)[^>]*>([^<]+) <span class=\"optional\">", html)
    assert optional == ["Address", "Day"]
    assert " required" not in html


def test_an_error_stands_beside_its_field_is_tied_to_it_and_linked_from_the_top() -> None:
    form = Everything({"name": "Too long", "day": "soon"})
    html = form.render()
    summary, _top, body = html.partition('<div class="form-body">')
    assert re.findall(r'<a href="#([\w-]+)">', summary) == ["id_name", "id_kind", "id_day", "id_title", "id_agreed"]
    assert "Name: Shorten this to 5 characters; it has 8." in summary
    assert "Day: Write a day such as 2027-06-07." in summary
    assert re.search(
        r'<input type="text" name="name" value="Too long"[^>]*aria-describedby="id_name_helptext id_name_error"', body
    )
    assert 'aria-invalid="true"' in body
    for target in ("id_name", "id_kind", "id_day", "id_title", "id_agreed", "id_name_error", "id_name_helptext"):
        assert body.count(f'id="{target}"') == 1, target


def test_groups_of_choices_are_fieldsets_with_the_question_as_legend() -> None:
    html = Everything().render()
    assert re.search(r'<fieldset[^>]*id="id_kind"[^>]*>\s*<legend>Kind</legend>', html)
    assert re.search(
        r'<fieldset[^>]*id="id_title"[^>]*aria-describedby="id_title_helptext"[^>]*>\s*<legend>Title</legend>', html
    )
    assert '<label for="id_title_1">简体中文</label>' in html


def test_phones_get_the_right_keyboard_and_dates_their_picker() -> None:
    html = Everything(initial={"day": "2027-06-07"}).render()
    assert re.search(r'type="email" name="email"[^>]*inputmode="email"', html)
    assert 'type="date" name="day" value="2027-06-07"' in html


def test_only_forms_about_their_reader_are_filled_in_by_browsers() -> None:
    class OfSomebodyElse(Everything):
        autofill = False

    assert 'autocomplete="email"' in Everything().render()
    assert 'autocomplete="email"' not in OfSomebodyElse().render()
    assert OfSomebodyElse().render().count('autocomplete="off"') == 2


def test_nothing_that_is_pasted_is_cut_off_in_silence() -> None:
    assert "maxlength" not in Everything().render()


def test_the_reasons_of_a_service_stand_beside_their_fields() -> None:
    form = Everything({"name": "Ada", "kind": "a", "title_0": "T", "agreed": "on"})
    assert form.is_valid()
    form.add_problems(
        [
            Problem(code="taken", field="name", message="This name is taken.", fix="Choose another."),
            Problem(code="closed", field="unknown", message="Registration is closed."),
        ]
    )
    assert form.errors["name"] == ["This name is taken. Choose another."]
    assert form.non_field_errors() == ["Registration is closed."]


def test_a_text_in_several_languages_is_needed_in_one() -> None:
    class Titled(Form):
        title = LocalizedField(label="Title", locales=["en", "zh-hans"])

    assert Titled({"title_0": "", "title_1": ""}).errors["title"] == ["Write this in at least one language."]
    form = Titled({"title_0": "", "title_1": "标题"})
    assert form.is_valid()
    assert form.cleaned_data["title"].data == {"en": "", "zh-hans": "标题"}
    assert 'value="标题"' in Titled({"title_0": "", "title_1": "标题"}).render()


def test_a_form_keeps_what_its_author_says_about_errors() -> None:
    class Own(Form):
        code = forms.CharField(error_messages={"required": "Type the six letters."})

    assert Own({}).errors["code"] == ["Type the six letters."]


# -- The style guide ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_style_guide_is_for_developers_and_staff(client: Client, settings: Settings) -> None:
    assert client.get("/design/").status_code == 404
    settings.DEBUG = True
    assert client.get("/design/").status_code == 200


@pytest.fixture
def guide(settings: Settings) -> str:
    settings.DEBUG = True
    return "/design/"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_style_guide_is_accessible_and_fits(
    guide: str, colours: str, phone: bool, new_context: Callable[..., BrowserContext], axe: Callable[..., None]
) -> None:
    page = new_context(phone=phone, color_scheme=colours).new_page()
    page.goto(guide)
    check_fits(page)
    axe(page)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_chosen_theme_stays(guide: str, page: Page) -> None:
    page.goto(guide)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    day = page.evaluate(background)
    page.locator("[data-theme-switch]").click()
    night = page.evaluate(background)
    page.reload()
    assert page.evaluate(background) == night != day
    page.locator("[data-theme-switch]").click()
    assert page.evaluate(background) == day
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_language_is_one_tap_away_and_keeps_the_query(guide: str, page: Page) -> None:
    page.goto(f"{guide}?accent=plum")
    page.get_by_role("link", name="简体中文").click()
    page.wait_for_url("**lang=zh-hans**")
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert page.locator("html").get_attribute("data-accent") == "plum"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_menus_and_dialogs_work_by_keyboard(guide: str, page: Page) -> None:
    page.goto(guide)
    page.keyboard.press("Tab")  # the summary of errors had the focus; the first thing after it is its first link
    page.locator("body").press("Control+Home")
    menu = page.locator("details[data-menu]").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    opener = page.get_by_role("link", name="Delete room")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete the room “Aula Magna”?")
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert opener.evaluate("element => element === document.activeElement")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_lists_narrow_as_one_types(guide: str, page: Page) -> None:
    page.goto(guide)
    page.get_by_role("searchbox", name="Search registrations").fill("nandu")
    assert page.locator("#people tbody tr:visible").count() == 1


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_without_scripts_nothing_that_needs_them_is_offered(
    guide: str, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(guide)
    assert not page.locator(".js-only:visible").count()
    page.get_by_role("link", name="Delete room").click()
    assert page.url.endswith("#buttons")


# -- Signing in --------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "address", ["/accounts/login/", "/accounts/signup/", "/accounts/login/code/", "/accounts/password/reset/"]
)
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_pages_of_signing_in_are_accessible_and_fit(
    address: str, language: str, new_context: Callable[..., BrowserContext], axe: Callable[..., None]
) -> None:
    page = new_context(phone=True, language=language).new_page()
    page.goto(address)
    check_fits(page)
    axe(page)


def test_the_example_form_is_wrong_on_purpose() -> None:
    assert not ExampleForm({}).is_valid()
