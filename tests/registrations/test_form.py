"""The public form with questions of every kind, and the builder that makes it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import Institution, User
from accounts.services import institutions
from events.models import Event
from registrations.models import Question, QuestionSection, Registration
from tests.factories.registrations import make_choice, make_question, make_section, make_ticket, register
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

ADDRESS = "/food-2027/register/"


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def organize(as_user: AsUser, organizer: User) -> Client:
    return as_user(organizer)


def send(client: Client, ticket: Any, **values: Any) -> Any:
    filled = {
        "token": "t",
        "ticket_type": ticket.pk,
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "language": "en",
    }
    return client.post(ADDRESS, {**filled, **values})


def of_every_kind(event: Event) -> None:
    options = [{"identifier": name, "label": {"en": name.capitalize()}} for name in ("bus", "boat", "bike")]
    make_question(event, "text")
    make_question(event, "long_text", "long_text")
    make_question(
        event, "number", "number", settings={"minimum": 0, "maximum": 9, "step": 0.5, "unit": {"en": "nights"}}
    )
    make_question(event, "choice", "choice", options=options, settings={"has_other": True})
    make_question(event, "many", "multiple_choice", options=options, settings={"at_most": 2, "has_other": True})
    make_question(event, "yes", "yes_no")
    make_question(event, "date", "date", settings={"earliest": "2027-06-01", "latest": "2027-06-30"})
    make_question(event, "country", "country")
    make_question(event, "phone", "phone")
    make_question(event, "consent", "consent", settings={"link": "https://example.org/privacy"}, is_required=True)


FILLED = {
    "answer_text": "x",
    "answer_long_text": "one\r\ntwo",
    "answer_number": "2.5",
    "answer_choice": "__other__",
    "other_choice": "on foot",
    "answer_many": ["boat", "__other__"],
    "other_many": "swimming",
    "answer_yes": "no",
    "answer_date": "2027-06-07",
    "answer_country": "KE",
    "answer_phone": "+254 20 2222222",
    "answer_consent": "on",
}


def test_questions_of_every_kind_are_answered_shown_and_changed(client: Client, event: Event) -> None:
    of_every_kind(event)
    answer = send(client, make_ticket(event), **FILLED)
    assert answer.status_code == 302, re.findall(r"form-errors.*?</ul>", answer.content.decode(), re.DOTALL)
    row = Registration.objects.get()
    stored = {a.question.identifier: a.value for a in row.answers.all()}
    assert stored == {
        "text": "x",
        "long_text": "one\ntwo",
        "number": 2.5,
        "choice": {"other": "on foot"},
        "many": ["boat", {"other": "swimming"}],
        "yes": False,
        "date": "2027-06-07",
        "country": "KE",
        "phone": "+254202222222",
        "consent": True,
    }
    page = client.get(row.get_absolute_url()).content.decode()
    for shown in ("2.5 nights", "on foot", "Boat; swimming", "Monday, June 7, 2027", "Kenya", "Agreed"):
        assert shown in page, shown
    form = client.get(f"{row.get_absolute_url()}change/").content.decode()
    for shown in ('value="on foot"', 'value="2.5"', 'value="2027-06-07"', "one\ntwo"):
        assert shown in form, shown
    # Sent again as it is, nothing changes, and no mail goes.
    same = {"name": "Ada Lovelace", "language": "en", **FILLED, "answer_phone": "+254202222222"}
    assert client.post(f"{row.get_absolute_url()}change/", same).status_code == 302
    row.refresh_from_db()
    assert row.revision == 0


@pytest.mark.parametrize("number", ["1,5", "1.5", " 1.5 "])
def test_numbers_are_read_as_people_write_them(client: Client, event: Event, number: str) -> None:
    make_question(event, "n", "number", settings={"step": 0.5})
    send(client, make_ticket(event), answer_n=number)
    assert Registration.objects.get().answers.get().value == 1.5


def test_what_is_not_asked_is_ignored_by_the_form(client: Client, event: Event) -> None:
    visa = make_question(event, "visa", "yes_no")
    make_question(event, "consulate", condition_question=visa, condition_values=[True], is_required=True)
    ticket = make_ticket(event)
    text = client.get(ADDRESS).content.decode()
    assert "Only if you answer “Question visa?” with “Yes”." in text
    assert send(client, ticket, answer_visa="no", answer_consulate="typed before").status_code == 302
    assert {a.question.identifier for a in Registration.objects.get().answers.all()} == {"visa"}
    missing = send(client, ticket, email="b@example.org", answer_visa="yes")
    assert 'href="#id_answer_consulate"' in missing.content.decode()


def test_a_change_of_language_keeps_what_was_typed_of_every_kind(client: Client, event: Event) -> None:
    of_every_kind(event)
    ticket = make_ticket(event)
    typed = {**FILLED, "answer_number": "many", "answer_phone": "later", "switch": "zh-hans"}
    text = client.post(
        f"{ADDRESS}?lang=zh-hans",
        {"token": "t", "ticket_type": ticket.pk, "name": "Ada", "email": "half", "language": "en", **typed},
    ).content.decode()
    for kept in ('value="many"', 'value="later"', 'value="half"', 'value="swimming"', "two", 'value="2027-06-07"'):
        assert kept in text, kept
    checked = re.findall(r'name="(answer_\w+)" value="([^"]*)"[^>]*\bchecked', text)
    assert {("answer_many", "boat"), ("answer_many", "__other__"), ("answer_yes", "no")} <= set(checked)
    assert "form-errors" not in text
    assert not Registration.objects.exists()


def test_a_form_that_was_open_too_long_comes_back_filled_in(event: Event) -> None:
    make_choice(event, "meals")
    ticket = make_ticket(event)
    strict = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    answer = send(strict, ticket, answer_meals="vegan", csrfmiddlewaretoken="x" * 64)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "This page was open for a long time" in text
    assert 'value="Ada Lovelace"' in text
    assert re.search(r'value="vegan"[^>]*checked', text)
    assert not Registration.objects.exists()
    key = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[-1]
    assert send(strict, ticket, answer_meals="vegan", csrfmiddlewaretoken=key).status_code == 302
    row = Registration.objects.get()
    change = strict.post(f"{row.get_absolute_url()}change/", {"name": "Typed", "language": "en"})
    assert 'value="Typed"' in change.content.decode()
    row.refresh_from_db()
    assert row.name == "Ada Lovelace"


def test_a_script_is_told_where_to_go_and_a_second_tab_does_nothing_new(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    filled = {"token": "t", "ticket_type": ticket.pk, "name": "Ada", "email": "ada@example.org", "language": "en"}
    first = client.post(ADDRESS, filled, headers={"x-lihu-form": "1"})
    again = client.post(ADDRESS, filled)
    assert first.json() == {"location": again["Location"]}
    assert Registration.objects.count() == 1


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("josé@example.org", False),
        ("用户@example.org", False),
        ("wang@例子.测试", True),
        ("wang@example。org", True),
    ],
)
def test_addresses_with_other_letters_are_taken_or_refused_in_words(
    client: Client, event: Event, address: str, is_taken: bool
) -> None:
    answer = send(client, make_ticket(event), email=address)
    assert (answer.status_code == 302) == is_taken
    if not is_taken:
        assert "many mail servers cannot write to" in answer.content.decode()


def test_an_organizers_words_are_no_markup(client: Client, event: Event) -> None:
    make_question(event, "q", help_text={"en": "<img src=x onerror=alert(1)>\nsecond line"}, label={"en": "<b>Q</b>"})
    make_section(event, "<i>S</i>")
    make_ticket(event)
    text = client.get(ADDRESS).content.decode()
    assert "<img src=x" not in text
    assert "<b>Q</b>" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;<br>second line" in text


def test_the_form_takes_as_many_queries_for_one_question_as_for_many(
    client: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ticket = make_ticket(event)
    counts = []
    for more in (1, 5):
        for number in range(more):
            make_choice(event, f"more{more}{number}", section=make_section(event), ticket_types=[ticket])
        with CaptureQueriesContext(connection) as after_a_change:
            client.get(ADDRESS)
        with CaptureQueriesContext(connection) as again:
            client.get(ADDRESS)
        counts.append((len(after_a_change), len(again)))
    assert counts == [(9, 1), (9, 1)]


def test_registering_takes_so_many_queries(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    university = Institution.objects.create(names={"en": "Tea University"}, name_keys=["tea university"])
    send(client, ticket, email="first@example.org")
    affiliations: list[dict[str, Any]] = [
        {},
        {"affiliation": "Nowhere"},
        {"affiliation": "Tea University"},
        {"affiliation": "Tea University", "institution": university.pk},
        {"affiliation": "Another", "institution": university.pk},
    ]
    counts = []
    for number, more in enumerate(affiliations):
        with CaptureQueriesContext(connection) as queries:
            assert send(client, ticket, email=f"guest{number}@example.org", **more).status_code == 302
        counts.append(len(queries))
    assert counts == [6, 6, 6, 6, 6]


# -- Universities ------------------------------------------------------------------------------------------------------


@pytest.fixture
def universities(db: None) -> None:
    rows = [entry for entry in institutions.read_bundled() if entry.country in {"CN", "GB", "DE", "JP"}]
    institutions.load(rows)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("jiangnan", "Jiangnan University"),
        ("江南", "Jiangnan University"),
        ("jnu", "Jinan University"),
        ("ustc", "University of Science and Technology of China"),
        ("beijing daxue", None),
        ("peking", "Peking University"),
        ("北京大", "Peking University"),
        ("beijingdaxue", "Peking University"),
        ("technische munchen", "Technische Universität München"),
        ("東北", "Tohoku University"),
        ("%", None),
    ],
)
def test_universities_are_found_in_any_script_and_by_abbreviation(
    universities: None, client: Client, typed: str, found: str | None
) -> None:
    response = client.get("/institutions/", {"q": typed})
    names = [row["name"] for row in response.json()["results"]]
    assert len(names) <= 8
    assert (found in names) if found else (names == [])
    assert "public" in response["Cache-Control"]


def test_an_addresss_domain_suggests_where_somebody_is_from(universities: None, client: Client) -> None:
    def names(domain: str) -> list[str]:
        return [row["name"] for row in client.get("/institutions/", {"domain": domain}).json()["results"]]

    assert names("stu.jiangnan.edu.cn") == ["Jiangnan University"]
    assert names("gmail.com") == names("edu.cn") == names("") == []


def test_suggestions_tell_nothing_of_people_and_take_one_query(
    universities: None, client: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    register(make_ticket(event), affiliation="Secret Institute of Jiangnan", name="Jiangnan Person")
    with django_assert_num_queries(1):
        text = client.get("/institutions/", {"q": "jiangnan"}).content.decode()
    assert "Secret" not in text
    assert "Person" not in text


def test_loading_the_list_again_changes_nothing(universities: None) -> None:
    rows = [entry for entry in institutions.read_bundled() if entry.country in {"CN", "GB", "DE", "JP"}]
    assert institutions.load(rows) == (0, 0)


def test_the_whole_registry_can_be_loaded_over_it(universities: None) -> None:
    record = {
        "id": "https://ror.org/04mkzax54",
        "status": "active",
        "names": [
            {"value": "Jiangnan University", "types": ["ror_display", "label"], "lang": "en"},
            {"value": "江南大学", "types": ["label"], "lang": "zh"},
            {"value": "QZXJ", "types": ["acronym"], "lang": None},
        ],
        "domains": [],
        "locations": [{"geonames_details": {"country_code": "CN"}}],
    }
    gone = {**record, "id": "https://ror.org/013ckk937", "status": "withdrawn"}
    before = Institution.objects.count()
    institutions.load(institutions.read_registry([record, gone]))
    assert Institution.objects.count() == before
    assert institutions.suggest(words="qzxj")[0].ror_id == "04mkzax54"


def test_what_was_chosen_is_kept_and_words_of_ones_own_are_allowed(
    universities: None, client: Client, event: Event
) -> None:
    ticket = make_ticket(event)
    jiangnan = Institution.objects.get(ror_id="04mkzax54")
    for number, (affiliation, chosen, expected) in enumerate(
        (
            ("江南大学", jiangnan.pk, jiangnan),
            ("jiangnan university", "", jiangnan),
            ("Bakery at the corner", jiangnan.pk, None),
            ("Bakery at the corner", "999999", None),
        )
    ):
        address = f"n{number}@example.org"
        send(client, ticket, email=address, affiliation=affiliation, institution=chosen)
        row = Registration.objects.get(email=address)
        assert (row.affiliation, row.institution) == (affiliation, expected)


# -- The builder -------------------------------------------------------------------------------------------------------


def build(client: Client, path: str, **values: Any) -> Any:
    return client.post(f"/organize/food-2027/questions/{path}", values)


def test_an_organizer_builds_questions_with_settings_and_conditions(organize: Client, event: Event) -> None:
    ticket, _other = make_ticket(event), make_ticket(event)
    assert build(organize, "sections/new/", title_0="Travel", title_1="行程").status_code == 302
    section = QuestionSection.objects.get()
    assert build(organize, "new/", label_0="Visa?", kind="yes_no", section=section.pk).status_code == 302
    visa = Question.objects.get(identifier="visa")
    answer = build(
        organize,
        "new/",
        label_0="How many nights?",
        label_1="几晚？",
        kind="number",
        minimum="1",
        maximum="14",
        unit_0="nights",
        unit_1="晚",
        link="ignored, as it is no consent",
        section=section.pk,
        ticket_types=[ticket.pk],
        condition=[f"{visa.pk}:yes"],
    )
    assert answer.status_code == 200
    answer = build(
        organize,
        "new/",
        label_0="How many nights?",
        kind="number",
        minimum="1",
        maximum="14",
        unit_0="nights",
        unit_1="晚",
        section=section.pk,
        ticket_types=[ticket.pk],
        condition=[f"{visa.pk}:yes"],
    )
    assert answer.status_code == 302
    nights = Question.objects.get(identifier="how_many_nights")
    assert nights.settings == {"minimum": 1, "maximum": 14, "unit": {"en": "nights", "zh-hans": "晚"}}
    assert (nights.condition_question, nights.condition_values) == (visa, [True])
    page = organize.get("/organize/food-2027/questions/").content.decode()
    assert "if “Visa?”: Yes" in page
    form = organize.get(f"/organize/food-2027/questions/{nights.pk}/").content.decode()
    assert 'value="14' in form


def test_an_answer_that_is_renamed_keeps_its_identifier(organize: Client, event: Event) -> None:
    build(organize, "new/", label_0="Meal?", kind="choice", options="Vegan\nHalal | 清真")
    question = Question.objects.get()
    build(
        organize,
        f"{question.pk}/",
        label_0="Meal?",
        kind="choice",
        identifier="meal",
        options="Plants only\nHalal | 清真",
    )
    question.refresh_from_db()
    assert [(o["identifier"], o["label"]["en"]) for o in question.options] == [
        ("option_1", "Plants only"),
        ("option_2", "Halal"),
    ]


def test_a_change_that_touches_answers_is_saved_when_it_is_confirmed(organize: Client, event: Event) -> None:
    question = make_choice(event, "meals")
    register(make_ticket(event), answers={"meals": "vegan"})
    values = {"label_0": "Dinner?", "kind": "choice", "identifier": "meals", "options": "All\nVegan"}
    asked = build(organize, f"{question.pk}/", **values)
    assert "1 person has answered the words as they were" in asked.content.decode()
    question.refresh_from_db()
    assert str(question.label) == "Question meals?"
    assert build(organize, f"{question.pk}/", **values, confirmed="1").status_code == 302
    question.refresh_from_db()
    assert str(question.label) == "Dinner?"


def test_lines_are_moved_without_a_script_and_by_one(organize: Client, event: Event) -> None:
    first, second = make_question(event, "first"), make_question(event, "second")
    section = make_section(event)

    def order() -> list[str]:
        return list(Question.objects.asked().values_list("identifier", flat=True))

    build(organize, f"order/?move=question:{second.pk}", by="-1")
    assert order() == ["second", "first"]
    build(organize, f"order/?move=question:{first.pk}", by="1")
    first.refresh_from_db()
    assert first.section == section
    dragged = organize.post(
        "/organize/food-2027/questions/order/",
        {"order": [f"question:{first.pk}", f"question:{second.pk}", f"section:{section.pk}"]},
        headers={"x-lihu-form": "1"},
    )
    assert dragged.status_code == 204
    assert order() == ["first", "second"]
    assert build(organize, "order/?move=question:x", by="1").status_code == 302


def test_a_question_is_duplicated_put_aside_and_asked_again(organize: Client, event: Event) -> None:
    question = make_choice(event, "meals")
    register(make_ticket(event), answers={"meals": "vegan"})
    build(organize, f"{question.pk}/duplicate/")
    assert set(Question.objects.values_list("identifier", flat=True)) == {"meals", "meals_2"}
    build(organize, f"{question.pk}/delete/")
    build(organize, f"{question.pk}/restore/")
    assert [q.identifier for q in Question.objects.asked()] == ["meals_2", "meals"]


def test_the_preview_shows_a_half_written_question_in_each_language(organize: Client, event: Event) -> None:
    answer = build(organize, "preview/", label_0="Meal?", label_1="餐食？", kind="choice", options="<b>\nB | 乙")
    text = answer.content.decode()
    for shown in ("Meal?", "餐食？", "&lt;b&gt;", "乙"):
        assert shown in text, shown
    assert build(organize, "preview/", kind="nonsense", minimum="x").status_code == 200
    assert not Question.objects.exists()
