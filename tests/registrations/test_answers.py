"""Questions of every kind: what may be answered, of whom they are asked, and what becomes of an answer when they change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import translation

from accounts.models import Institution
from common.problems import Invalid
from events.models import Event
from registrations.answering import Unfit, clean, read_answers
from registrations.models import Question, QuestionKind, QuestionVersion, Registration
from registrations.services import answers, places, questions
from registrations.services.places import CannotChangeRegistration
from registrations.services.questions import Place, arrange, warnings_about
from registrations.services.registering import CannotRegister
from tests.data import shared
from tests.factories.registrations import (
    NOW,
    make_choice,
    make_question,
    make_section,
    make_ticket,
    register,
)

pytestmark = pytest.mark.django_db

OPTIONS = [{"identifier": name, "label": {"en": name.capitalize()}} for name in ("bus", "boat", "bike")]


def asked(kind: str, **settings: Any) -> Question:
    """A question that is not stored: enough for the rules."""
    options = OPTIONS if kind in {"choice", "multiple_choice"} else []
    return Question(identifier="q", kind=kind, label={"en": "Q?"}, options=options, settings=settings)


@pytest.mark.parametrize(
    ("kind", "settings", "given", "stored"),
    [
        ("text", {}, "by bus", "by bus"),
        ("long_text", {}, "one\ntwo", "one\ntwo"),
        ("number", {}, 3, 3),
        ("number", {"minimum": -2.5, "step": 0.5}, -2.0, -2),
        ("number", {"step": 0.01}, 1.25, 1.25),
        ("choice", {}, "boat", "boat"),
        ("choice", {"has_other": True}, {"other": "on foot"}, {"other": "on foot"}),
        ("multiple_choice", {}, ["bike", "bus"], ["bus", "bike"]),
        ("multiple_choice", {"has_other": True, "at_least": 2}, [{"other": "x"}, "bus"], ["bus", {"other": "x"}]),
        ("yes_no", {}, False, False),
        ("date", {"earliest": "2027-06-01", "latest": "2027-06-30"}, "2027-06-07", "2027-06-07"),
        ("country", {}, "KE", "KE"),
        ("phone", {}, "+86 138 0013 8000", "+8613800138000"),
        ("phone", {}, "138 0013 8000", "+8613800138000"),
        ("consent", {}, True, True),
    ],
)
def test_an_answer_that_fits_is_stored_in_one_form(kind: str, settings: Any, given: Any, stored: Any) -> None:
    assert clean(asked(kind, **settings), given, country="CN") == stored


@pytest.mark.parametrize(
    ("kind", "settings", "given"),
    [
        ("text", {}, 3),
        ("text", {}, "x" * 2001),
        ("text", {}, "bell\x07"),
        ("long_text", {}, "x" * 20_001),
        ("number", {}, "3"),
        ("number", {}, True),
        ("number", {}, 1.5),
        ("number", {}, float("nan")),
        ("number", {}, float("inf")),
        ("number", {}, 10**15),
        ("number", {"minimum": 1}, 0),
        ("number", {"maximum": 9}, 10),
        ("number", {"minimum": 1, "step": 2}, 2),
        ("choice", {}, "train"),
        ("choice", {}, ["bus"]),
        ("choice", {}, {"other": "on foot"}),
        ("choice", {"has_other": True}, {"other": " "}),
        ("choice", {"has_other": True}, {"other": "x" * 201}),
        ("choice", {"has_other": True}, {"other": "two\nlines"}),
        ("choice", {"has_other": True}, {"other": "x", "more": 1}),
        ("multiple_choice", {}, "bus"),
        ("multiple_choice", {}, ["bus", "bus"]),
        ("multiple_choice", {"at_least": 2}, ["bus"]),
        ("multiple_choice", {"at_most": 1}, ["bus", "boat"]),
        ("yes_no", {}, "yes"),
        ("yes_no", {}, 1),
        ("date", {}, "2027-02-30"),
        ("date", {}, "20270607"),
        ("date", {"earliest": "2027-06-01"}, "2027-05-31"),
        ("date", {"latest": "2027-06-30"}, "2027-07-01"),
        ("country", {}, "XX"),
        ("country", {}, "China"),
        ("phone", {}, "+86 1"),
        ("phone", {}, "call me"),
        ("phone", {}, "+44 20 7946 0018 ext. 5"),
        ("consent", {}, "yes"),
        ("file", {}, 7),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_words_that_say_how_to_mend_it(
    kind: str, settings: Any, given: Any
) -> None:
    with pytest.raises(Unfit) as refusal:
        clean(asked(kind, **settings), given, country="CN")
    assert str(refusal.value.message)
    assert str(refusal.value.fix)


@pytest.mark.parametrize("kind", [kind for kind in QuestionKind if kind != "file"])
def test_nasty_words_are_stored_as_typed_or_refused_by_every_kind(event: Event, kind: str) -> None:
    make_question(event, "q", kind, options=OPTIONS if kind in {"choice", "multiple_choice"} else [])
    asked_now = answers.questions_of(event)
    strings = json.loads(shared("nasty/blns.json").read_text())
    stored = 0
    for text in strings:
        for given in (text, [text], {"other": text}):
            read = read_answers(asked_now, {"q": given}, ticket_id=None)
            assert not read.values or read.problems == []
            if kind in {"text", "long_text"} and given is text and not read.problems and text.strip():
                assert read.values == {"q": text}
                stored += 1
    assert (stored > 400) == (kind in {"text", "long_text"})


@pytest.mark.parametrize(
    "name", ["王" * 200, "м" * 200, "ا" * 200, "ท" * 200], ids=["Han", "Cyrillic", "Arabic", "Thai"]
)
def test_names_of_two_hundred_characters_are_kept_whole(event: Event, name: str) -> None:
    registration = register(make_ticket(event), name=name, native_name=name, affiliation=name)
    registration.refresh_from_db()
    assert (registration.name, registration.native_name, registration.affiliation) == (name, name, name)


# -- Of whom ----------------------------------------------------------------------------------------------------------


def make_travel(event: Event) -> None:
    """Whether somebody needs a visa, and only then for which consulate."""
    visa = make_question(event, "visa", "yes_no")
    make_question(event, "consulate", condition_question=visa, condition_values=[True], is_required=True)


def test_what_depends_on_an_answer_is_asked_and_required_only_with_it(event: Event) -> None:
    make_travel(event)
    ticket = make_ticket(event)
    assert not register(ticket, answers={"visa": False}).answers.filter(question__identifier="consulate").exists()
    with pytest.raises(CannotRegister) as refusal:
        register(ticket, answers={"visa": True})
    assert [problem.code for problem in refusal.value.problems] == ["answer_required"]
    assert register(ticket, answers={"visa": True, "consulate": "Nairobi"}).answers.count() == 2


def test_an_answer_to_what_is_not_asked_is_refused_by_name(event: Event) -> None:
    make_travel(event)
    with pytest.raises(CannotRegister) as refusal:
        register(make_ticket(event), answers={"visa": False, "consulate": "Nairobi"})
    assert [(p.code, p.field) for p in refusal.value.problems] == [("not_asked", "answers.consulate")]


def test_a_chain_of_conditions_falls_with_its_first_link(event: Event) -> None:
    first = make_choice(event, "first", ("a", "b"))
    second = make_choice(event, "second", ("c", "d"), condition_question=first, condition_values=["a"])
    make_question(event, "third", condition_question=second, condition_values=["c"])
    asked_now = answers.questions_of(event)
    read = read_answers(asked_now, {"first": "b", "second": "c", "third": "x"}, ticket_id=None)
    assert {problem.field for problem in read.problems} == {"answers.second", "answers.third"}


def test_a_question_of_one_ticket_is_not_asked_with_another(event: Event) -> None:
    student, regular = make_ticket(event), make_ticket(event)
    make_question(event, "card", is_required=True, ticket_types=[student])
    assert register(regular).answers.count() == 0
    with pytest.raises(CannotRegister):
        register(student)
    with pytest.raises(CannotRegister) as refusal:
        register(regular, answers={"card": "7"})
    assert refusal.value.problems[0].code == "not_asked"


def test_changing_what_decides_takes_the_answers_that_hung_on_it(event: Event) -> None:
    make_travel(event)
    row = register(make_ticket(event), answers={"visa": True, "consulate": "Nairobi"})
    places.change_registration(registration=row, changes={"answers": {"visa": False}}, actor=None, now=NOW)
    assert {a.question.identifier: a.value for a in row.answers.all()} == {"visa": False}
    with pytest.raises(CannotChangeRegistration):
        places.change_registration(registration=row, changes={"answers": {"consulate": "X"}}, actor=None, now=NOW)


def test_a_ticket_that_goes_takes_what_was_asked_with_it_alone(event: Event) -> None:
    from registrations.services.tickets import delete_ticket_type  # noqa: PLC0415

    ticket, other = make_ticket(event), make_ticket(event)
    alone = make_question(event, "alone", ticket_types=[ticket])
    both = make_question(event, "both", ticket_types=[ticket, other])
    delete_ticket_type(ticket_type=ticket, actor=None, now=NOW)
    assert not Question.objects.filter(pk=alone.pk, is_active=True).exists()
    assert [t.pk for t in both.ticket_types.all()] == [other.pk]


# -- Versions ---------------------------------------------------------------------------------------------------------


def read_of(registration: Registration) -> list[str]:
    with translation.override("en"):
        return [
            f"{answer.version.label}: {answer.in_words()}"
            for answer in Registration.objects.with_details().get(pk=registration.pk).answers.all()
        ]


def test_editing_a_question_changes_no_answer_and_not_how_it_reads(event: Event) -> None:
    question = make_choice(event, "meals", label={"en": "Meals?"})
    row = register(make_ticket(event), answers={"meals": "vegan"})
    before = read_of(row)
    questions.update_question(
        question=question,
        changes={"label": {"en": "Dinner?"}, "options": [{"identifier": n, "label": {"en": n}} for n in ("x", "y")]},
        actor=None,
        now=NOW,
    )
    assert read_of(row) == before == ["Meals?: Vegan"]
    # Somebody who changes something else keeps the answer and its version.
    places.change_registration(registration=row, changes={"name": "New", "answers": {}}, actor=None, now=NOW)
    assert read_of(row) == before
    later = register(make_ticket(event), answers={"meals": "y"})
    assert read_of(later) == ["Dinner?: y"]


def test_each_change_of_words_is_a_version_and_other_changes_are_none(event: Event) -> None:
    question = make_question(event, "q", "number")
    for changes in (
        {"is_required": True},
        {"settings": {"minimum": 1}},
        {"settings": {"minimum": 1}},
        {"help_text": "x"},
    ):
        questions.update_question(question=question, changes=changes, actor=None, now=NOW)
    versions = list(QuestionVersion.objects.filter(question=question).order_by("number"))
    assert [version.settings for version in versions] == [{}, {"minimum": 1}, {"minimum": 1}]
    with pytest.raises(TypeError):
        versions[0].save()


def test_kind_and_identifier_stay_once_somebody_has_answered(event: Event) -> None:
    question = make_choice(event, "meals")
    register(make_ticket(event), answers={"meals": "vegan"})
    for changes in ({"kind": "text", "options": []}, {"identifier": "food"}):
        with pytest.raises(Invalid) as refusal:
            questions.update_question(question=question, changes=changes, actor=None, now=NOW)
        assert refusal.value.problems[0].code == "question_answered"


def test_an_organizer_is_told_what_a_change_means_for_those_who_answered(event: Event) -> None:
    question = make_choice(event, "meals")
    changes = {"label": {"en": "Dinner?"}, "options": [OPTIONS[0], OPTIONS[1]]}
    assert warnings_about(question, changes) == []
    register(make_ticket(event), answers={"meals": "vegan"})
    words = " ".join(str(warning) for warning in warnings_about(question, changes))
    assert "1 person has answered the words as they were" in words
    assert "“Vegan”, which you take away" in words
    nights = make_question(event, "nights", "number")
    register(make_ticket(event), answers={"nights": 9})
    assert "does not fit" in str(warnings_about(nights, {"settings": {"maximum": 5}})[0])


# -- The form's order ------------------------------------------------------------------------------------------------


def test_questions_and_sections_stand_as_they_are_arranged(event: Event) -> None:
    first, _second, third = (make_question(event, name) for name in ("first", "second", "third"))
    travel, food = make_section(event, "Travel"), make_section(event, "Food")
    order = [Place(question=third.pk), Place(section=food.pk), Place(question=first.pk), Place(section=travel.pk)]
    arrange(event=event, order=order, actor=None, now=NOW)
    found = [(q.identifier, str(q.section) if q.section else "") for q in answers.questions_of(event)]
    assert found == [("third", ""), ("second", ""), ("first", "Food")]


def test_no_question_stands_before_the_one_that_decides_about_it(event: Event) -> None:
    make_travel(event)
    visa, consulate = answers.questions_of(event)
    with pytest.raises(Invalid) as refusal:
        arrange(event=event, order=[Place(question=consulate.pk), Place(question=visa.pk)], actor=None, now=NOW)
    assert refusal.value.problems[0].code == "condition_invalid"
    assert [q.identifier for q in answers.questions_of(event)] == ["visa", "consulate"]
    for change in (
        lambda: questions.delete_question(question=visa, actor=None, now=NOW),
        lambda: questions.update_question(question=visa, changes={"kind": "text"}, actor=None, now=NOW),
        lambda: questions.update_question(
            question=visa,
            changes={"condition_question": consulate, "condition_values": [True]},
            actor=None,
            now=NOW,
        ),
    ):
        with pytest.raises(Invalid):
            change()


def test_a_form_is_copied_with_sections_and_conditions(event: Event) -> None:
    from tests.factories.events import make_event  # noqa: PLC0415

    make_travel(event)
    section = make_section(event)
    make_question(event, "hotel", section=section, ticket_types=[make_ticket(event)])
    other = make_event("tea-2027", organisation=event.organisation)
    made = questions.copy_form(source=event, event=other, actor=None, now=NOW)
    assert [q.identifier for q in answers.questions_of(other)] == ["visa", "consulate", "hotel"]
    assert (made[1].condition_question, str(made[2].section)) == (made[0], "Travel")
    assert not made[2].ticket_types.exists()
    assert questions.copy_form(source=event, event=other, actor=None, now=NOW) == []


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("text", {"minimum": 1}),
        ("number", {"minimum": 2, "maximum": 1}),
        ("number", {"step": 0}),
        ("number", {"unit": "kg"}),
        ("multiple_choice", {"at_least": 3, "at_most": 2}),
        ("multiple_choice", {"at_least": 9}),
        ("date", {"earliest": "tomorrow"}),
        ("file", {"file_types": ["exe"]}),
        ("file", {"max_megabytes": 500}),
        ("consent", {"link": "javascript:alert(1)"}),
    ],
)
def test_settings_that_contradict_each_other_or_the_kind_are_refused(event: Event, kind: str, settings: Any) -> None:
    options = OPTIONS if kind == "multiple_choice" else []
    with pytest.raises(Invalid) as refusal:
        make_question(event, "q", kind, options=options, settings=settings)
    assert refusal.value.problems[0].code == "setting_invalid"


# -- Who they are -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "family_name", "order"),
    [
        ("Wang Fang", "Wang", "surname_first"),
        ("Fang WANG", "Wang", "given_first"),
        ("Ouyang Wen", "Ouyang", "surname_first"),
        ("Zhao Ping'an", "Zhao", "surname_first"),
        ("Xiang-Situ Wenliang", "Xiang-Situ", "surname_first"),
        ("Kwan-Liu Ma", "Ma", "given_first"),
        ("María José Núñez de Arce", "Núñez de Arce", "given_first"),
        ("Suharto", "", "as_written"),
        ("Suharto", "Suharto", "as_written"),
    ],
)
def test_the_order_of_a_name_is_the_one_in_which_its_owner_writes_it(
    event: Event, name: str, family_name: str, order: str
) -> None:
    row = register(make_ticket(event), name=name, family_name=family_name)
    assert (row.person.name, row.person.family_name, row.person.name_order) == (name, family_name, order)


@pytest.mark.parametrize("family_name", ["Wan", "王", "Fang Wang"])
def test_a_family_name_is_part_of_the_name(event: Event, family_name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        register(make_ticket(event), name="Wang Fang", family_name=family_name)
    assert refusal.value.problems[0].field == "family_name"


def test_no_latin_name_is_made_of_one_in_another_script(event: Event) -> None:
    row = register(make_ticket(event), name="Shan Wei", native_name="单伟")
    places.change_registration(registration=row, changes={"native_name": "曾伟"}, actor=None, now=NOW)
    assert row.name == "Shan Wei"


def test_the_institution_that_was_chosen_is_kept_with_its_ror_id(event: Event) -> None:
    institution = Institution.objects.create(names={"en": "Jiangnan University"}, ror_id="04mkzax54")
    row = register(make_ticket(event), affiliation="Jiangnan University", institution=institution)
    assert (row.ror_id, row.person.institution) == ("04mkzax54", institution)
