from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from events import hooks
from events.models import Event, Organisation
from tests.data import shared
from tests.factories.events import make_event, make_organisation, make_track, make_venue
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_may() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def json_ld(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


class Links(HTMLParser):
    """The text of each link, by its address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._href = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href = dict(attrs).get("href") or ""
            self.texts.setdefault(self._href, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = ""

    def handle_data(self, data: str) -> None:
        if self._href:
            self.texts[self._href] += data


# -- Front page --------------------------------------------------------------------------------------------------------


def test_events_that_come_are_told_by_month_and_past_ones_after_them(
    client: Client, organisation: Organisation
) -> None:
    make_event(organisation=organisation, name="July school", starts_on=date(2027, 7, 1))
    make_event(organisation=organisation, name="June talks", starts_on=date(2027, 6, 20))
    make_event(organisation=organisation, name="Old days", starts_on=date(2026, 6, 1))
    make_event(organisation=organisation, name="Going on", starts_on=date(2027, 4, 29), days=10)
    make_event(organisation=organisation, name="Hidden draft", state="draft")
    page = client.get("/").content.decode()
    order = ["April 2027", "Going on", "June 2027", "June talks", "July 2027", "July school", "Old days"]
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    assert "Hidden draft" not in page


def test_an_empty_campus_says_how_to_begin(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "No event is announced at the moment" in page
    assert "/organize/new/" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=FOOD", ["food"]),
        ("q=食品", ["food"]),
        ("q=universite", ["french"]),
        ("q=Université", ["french"]),
        ("kind=workshop", ["french"]),
        ("q=food&kind=workshop", []),
        ("kind=nonsense", ["food", "french"]),
        ("q=%27%3B+DROP+TABLE", []),
        ("q=" + "x" * 5000, []),
        ("q=%FF%FE", []),
    ],
)
def test_events_are_searched_in_any_language(
    client: Client, organisation: Organisation, query: str, found: list[str]
) -> None:
    make_event("food", organisation=organisation, name={"en": "Food Days", "zh-hans": "食品日"})
    make_event("french", name="Journées de l'Université", kind="workshop")
    answer = client.get(f"/?{query}")
    assert answer.status_code == HTTPStatus.OK
    page = answer.content.decode()
    assert [slug for slug in ("food", "french") if f'href="/{slug}/"' in page] == found
    if not found:
        assert "Nothing fits" in page


def test_a_search_with_a_null_character_is_a_bad_request(client: Client) -> None:
    assert client.get("/?q=%00").status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("item_count", [1, 3])
def test_the_front_page_takes_two_queries(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, item_count: int
) -> None:
    for number in range(item_count):
        make_venue(make_event(starts_on=date(2027, 6, 1 + number)))
        make_event(starts_on=date(2026, 6, 1 + number))
    with django_assert_num_queries(2):
        client.get("/")


# -- Event page --------------------------------------------------------------------------------------------------------


def test_the_event_page_tells_what_people_decide_by(client: Client, event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(contact_email="office@example.org")
    make_venue(event, "Great Hall", address="1800 Lihu Avenue", map_url="https://maps.example.org/1")
    page = client.get("/food-2027/").content.decode()
    for words in (
        "Food Science Days 2027",
        "7",
        "June 2027" if "June 2027" in page else "Jun",
        "China Standard Time (UTC+08:00)",
        "Great Hall",
        "1800 Lihu Avenue",
        'href="https://maps.example.org/1"',
        "School of Food Science",
        "mailto:office@example.org",
    ):
        assert words in page, words


def test_search_engines_are_told_the_event(client: Client, event: Event) -> None:
    make_venue(event, "Great Hall", address="1800 Lihu Avenue")
    data = json_ld(client.get("/food-2027/").content.decode())
    assert data["@type"] == "Event"
    assert (data["name"], data["startDate"], data["endDate"]) == ("Food Science Days 2027", "2027-06-07", "2027-06-09")
    assert data["location"] == {"@type": "Place", "name": "Great Hall", "address": "1800 Lihu Avenue"}
    assert data["organizer"]["name"] == "School of Food Science"


def test_apps_above_show_registration_and_programme(
    client: Client, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections: hooks.EventPageSections = {
        "registration": {
            "state": "open",
            "label": "Register",
            "url": "/food-2027/register/",
            "opens_at": None,
            "closes_at": datetime(2027, 6, 1, tzinfo=UTC),
            "seats_left": 12,
        },
        "programme": {
            "days": [
                {
                    "day": date(2027, 6, 7),
                    "url": "/food-2027/schedule/",
                    "entries": [
                        {
                            "starts": "09:00",
                            "ends": "10:00",
                            "title": "Opening",
                            "url": "",
                            "room": "Great Hall",
                            "kind": "plenary",
                        }
                    ],
                    "more": 7,
                }
            ],
            "keynotes": [{"name": "Ada Lovelace", "affiliation": "Analytical", "title": "Notes", "url": "/s/"}],
            "counts": {"sessions": 8, "speakers": 5, "rooms": 2, "days": 1},
            "url": "/food-2027/schedule/",
        },
    }
    monkeypatch.setattr(hooks, "event_page_sections", [lambda event, request: sections, lambda event, request: None])
    page = client.get("/food-2027/").content.decode()
    for words in (
        "12 places left.",
        "Register",
        "Ada Lovelace",
        "Opening",
        "and 7 more sessions",
        "8 sessions, 5 speakers",
    ):
        assert words in page, words
    data = json_ld(page)
    assert data["offers"]["availability"] == "https://schema.org/InStock"
    assert data["performer"] == [{"@type": "Person", "name": "Ada Lovelace"}]


def test_a_draft_is_there_for_its_team_alone(
    organisation: Organisation, organizer: User, attendee: User, stranger: User, as_user: AsUser
) -> None:
    make_event("draft", organisation=organisation, state="draft")
    answers = [as_user(user).get("/draft/").status_code for user in (None, attendee, stranger, organizer)]
    assert answers == [HTTPStatus.NOT_FOUND] * 3 + [HTTPStatus.OK]
    preview = as_user(organizer).get("/draft/")
    assert "This is a preview" in preview.content.decode()
    assert preview["Cache-Control"] == "private, no-store"
    assert "ETag" not in preview


@pytest.mark.parametrize("url", ["/", "/food-2027/"])
def test_a_page_that_is_known_already_is_not_sent_again(client: Client, event: Event, url: str) -> None:
    first = client.get(url)
    assert first["Cache-Control"] == "public, no-cache"
    again = client.get(url, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
    other_language = client.get(url, headers={"if-none-match": first["ETag"], "accept-language": "zh-CN"})
    assert other_language.status_code == HTTPStatus.OK
    Event.objects.filter(pk=event.pk).update(starts_on=date(2027, 6, 6))
    assert client.get(url, headers={"if-none-match": first["ETag"]}).status_code == HTTPStatus.OK


@pytest.mark.parametrize("url", ["/", "/food-2027/"])
def test_public_pages_are_the_same_for_every_reader(event: Event, organizer: User, as_user: AsUser, url: str) -> None:
    assert as_user(organizer).get(url).content == as_user(None).get(url).content


def test_an_event_speaks_the_readers_language_where_it_has_it(client: Client, event: Event) -> None:
    page = client.get("/food-2027/?lang=zh-hans").content.decode()
    assert "2027食品科学日" in page
    english = make_event("english-only", name="Only English", locales=["en"])
    page = client.get(f"/{english.slug}/?lang=zh-hans").content.decode()
    assert re.search(r'<h1 lang="en">\s*Only English', page)


@pytest.mark.parametrize("slug", ["nothing", "Food-2027", "food_2027"])
def test_an_event_that_is_not_is_not_found(client: Client, event: Event, slug: str) -> None:
    assert client.get(f"/{slug}/").status_code == HTTPStatus.NOT_FOUND


# -- Nasty text --------------------------------------------------------------------------------------------------------


def test_nasty_strings_are_shown_as_typed_or_refused(event: Event, organizer: User, as_user: AsUser) -> None:
    """Through a form's name, each one: stored letter by letter, shown as text, or answered with a reason; never a fault."""
    client = as_user(organizer)
    strings = [text for text in json.loads(shared("nasty/blns.json").read_text()) if text.strip() and len(text) <= 200]
    kept = {}
    for text in strings:
        answer = client.post("/organize/food-2027/tracks/new/", {"name_0": text, "colour": "#123456"})
        if answer.status_code == HTTPStatus.FOUND:
            track = event.tracks.order_by("-pk")[0]
            assert track.name.data == {"en": text}
            kept[f"/organize/food-2027/tracks/{track.pk}/"] = text
        else:
            assert answer.status_code == HTTPStatus.OK
            assert "form-errors" in answer.content.decode()
    assert len(kept) > 0.9 * len(strings)
    links = Links(client.get("/organize/food-2027/tracks/").content.decode()).texts
    # A carriage return is a line break to an HTML parser.
    assert {url: links.get(url) for url in kept} == kept


def test_a_nasty_description_is_text_on_the_public_page(client: Client, event: Event) -> None:
    strings = [text for text in json.loads(shared("nasty/blns.json").read_text()) if "\x00" not in text]
    text = "\n\n".join(strings)
    Event.objects.filter(pk=event.pk).update(description=json.dumps({"en": text}))
    page = client.get("/food-2027/").content.decode()
    tags = re.findall(
        r"<(script|img|svg|iframe|object|embed|link|meta|style|form|input|video|audio|base)\b[^>]*>", page
    )
    plain = client.get(f"/{make_event(description='x').slug}/").content.decode()
    allowed = re.findall(
        r"<(script|img|svg|iframe|object|embed|link|meta|style|form|input|video|audio|base)\b[^>]*>", plain
    )
    assert sorted(tags) == sorted(allowed)
    assert not re.search(r"<[a-z][^>]*\son\w+\s*=", page)
    assert not re.search(r'<[a-z][^<>]*\s(href|src)\s*=\s*["\']?\s*(javascript|data|vbscript):', page, re.IGNORECASE)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</title><script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "{{ 7*7 }}{% debug %}",
        "${7*7} #{7*7}",
        "[x](https://evil.example) **b**",
        "مؤتمر الغذاء \u202eevil",
        "👩🏽‍🔬🍜",
        "a\u0300\u0301\u0302\u0303",
        "&lt;b&gt; &amp;",
        "null",
        '{"en": "x"}',
    ],
)
def test_an_event_with_any_name_is_shown_by_that_name(client: Client, name: str) -> None:
    host = make_organisation(name=name)
    event = make_event("odd", organisation=host, name=name, tagline=name)
    make_venue(event, name, address=name)
    make_track(event, name)
    for url in ("/", "/odd/"):
        answer = client.get(url)
        page = answer.content.decode()
        assert answer.status_code == HTTPStatus.OK
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "49" not in re.sub(r"<[^>]*>", "", page) or "49" in name
    assert json_ld(client.get("/odd/").content.decode())["name"] == name
    links = Links(client.get("/").content.decode()).texts
    assert links["/odd/"].strip() == name


def test_an_event_that_says_nothing_of_itself_is_described_by_its_name_and_days(client: Client) -> None:
    event = make_event("quiet", name="Quiet Days")
    found = re.search(r'<meta name="description" content="([^"]*)">', client.get("/quiet/").content.decode())
    assert found
    assert found[1].startswith("Quiet Days, ")
    assert str(event.starts_on.year) in found[1]
