"""Registering several people with one form, and what whoever did it sees of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Institution, User
from common.codes import new_secret
from events.models import Event
from notifications.models import Message
from registrations.models import AnswerFile, Quota, Registration, RegistrationGroup
from registrations.problems import LARGEST_GROUP
from registrations.services.own_data import erase_registration
from tests.data import shared
from tests.factories.events import make_event
from tests.factories.registrations import (
    NOW,
    PDF,
    cancel,
    make_choice,
    make_product,
    make_question,
    make_quota,
    make_section,
    make_ticket,
    register,
    states_of,
)
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

SINGLE = "/food-2027/register/"
ADDRESS = f"{SINGLE}group/"
NAMES = ("Ada Lovelace", "Wang Fang", "Ольга Петрова")


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept-language": "en"})


def people(ticket: Any, count: int = 3, **of_each: Any) -> dict[str, Any]:
    """The fields of so many people."""
    each = [
        {"name": NAMES[n % 3], "email": f"guest{n}@example.org", "ticket_type": ticket.pk, **of_each}
        for n in range(count)
    ]
    return {f"person-{n}-{name}": value for n, person in enumerate(each, 1) for name, value in person.items()}


def send(client: Client, fields: dict[str, Any], **more: Any) -> Any:
    return client.post(ADDRESS, {"token": new_secret(), "language": "en", **fields, **more})


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def errors_in(answer: Any) -> dict[str, str]:
    """Of the summary: where each link leads, and what it says; without a link, by an empty word."""
    found = re.search(r'<div class="form-errors".*?</div>', text_of(answer), re.DOTALL)
    items = re.findall(r'<li>(?:<a href="#([^"]+)">)?(.*?)(?:</a>)?</li>', found[0], re.DOTALL) if found else []
    return dict(items)


# -- Registering ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_each_of_a_group_is_registered_and_gets_a_mail_of_their_own(client: Client, event: Event, count: int) -> None:
    make_choice(event, "meals", is_required=True)
    uni = Institution.objects.create(names={"en": "Tea University"}, name_keys=["tea university"])
    fields = people(make_ticket(event), count, answer_meals="vegan", affiliation="Tea University")
    answer = send(client, fields, **{"person-1-institution": uni.pk, "person-1-family_name": "Lovelace"})
    assert answer.status_code == 302, errors_in(answer)
    registrations = list(Registration.objects.order_by("pk"))
    group = RegistrationGroup.objects.get()
    assert [r.name for r in registrations] == list(NAMES[:count])
    assert {(r.state, r.group_id, r.institution_id, r.language) for r in registrations} == {
        ("confirmed", group.pk, uni.pk, "en")
    }
    assert registrations[0].family_name == "Lovelace"
    assert [a.value for r in registrations for a in r.answers.all()] == ["vegan"] * count
    sent = Message.objects.filter(kind="registration_confirmed").order_by("pk")
    assert sorted(m.recipient_email for m in sent) == [f"guest{n}@example.org" for n in range(count)]
    # Each mail has its own link, and nobody else's.
    for registration in registrations:
        own = json.dumps(sent.get(recipient_email=registration.email).context)
        assert [r for r in registrations if r.secret in own] == [registration]


def test_the_page_afterwards_shows_states_and_codes_and_nobodys_secret(client: Client, event: Event) -> None:
    answer = send(client, people(make_ticket(event)))
    assert answer["Location"].startswith(ADDRESS)
    shown = client.get(answer["Location"])
    text = text_of(shown)
    assert "Everybody has a place" in text
    for registration in Registration.objects.all():
        assert registration.name in text
        assert registration.code in text
        assert registration.secret not in text
        assert registration.email not in text
    assert "no-store" in shown["Cache-Control"]
    assert "noindex" in shown["X-Robots-Tag"]


def test_who_is_signed_in_as_one_of_them_finds_their_own_registration(
    client: Client, event: Event, as_user: AsUser, attendee: User, stranger: User
) -> None:
    answer = send(client, people(make_ticket(event)))
    mine, *others = Registration.objects.order_by("pk")
    mine.person.user = attendee
    mine.person.save()
    text = text_of(as_user(attendee).get(answer["Location"]))
    assert f'href="{mine.get_absolute_url()}"' in text
    assert not [r for r in others if r.secret in text]
    assert mine.secret not in text_of(as_user(stranger).get(answer["Location"]))


@pytest.mark.parametrize("change", [lambda t: t + "x", lambda t: "9" + t, lambda t: t.split(".")[0], lambda _: "1."])
def test_the_page_of_a_group_opens_with_its_own_address_only(client: Client, event: Event, change: Any) -> None:
    make_event("tea-2027")
    for _ in range(2):
        answer = send(client, people(make_ticket(event), email=f"{new_secret()}@example.org", count=1))
    token = RegistrationGroup.objects.order_by("pk")[0].token
    assert client.get(f"{ADDRESS}{token}/").status_code == 200
    assert client.get(f"{ADDRESS}{change(token)}/").status_code == 404
    assert client.get(f"/tea-2027/register/group/{token}/").status_code == 404
    assert answer.status_code == 302


def test_who_had_their_data_erased_is_no_longer_named(client: Client, event: Event) -> None:
    page = send(client, people(make_ticket(event)))["Location"]
    gone = Registration.objects.order_by("pk")[0]
    erase_registration(registration=gone, actor=None, now=NOW)
    text = text_of(client.get(page))
    assert "Ada Lovelace" not in text
    assert gone.code not in text
    assert "Somebody who had their data erased" in text


def test_a_required_question_of_one_ticket_is_asked_of_those_with_it(client: Client, event: Event) -> None:
    student, guest = make_ticket(event), make_ticket(event)
    make_question(event, "card", is_required=True, ticket_types=[student], section=make_section(event))
    fields = {**people(student, 2), "person-2-ticket_type": guest.pk}
    answer = send(client, fields)
    assert errors_in(answer) == {"id_person-1-answer_card": "Person 1 · Question card?: Answer this question."}
    assert send(client, {**fields, "person-1-answer_card": "A 1"}).status_code == 302
    assert [[a.value for a in r.answers.all()] for r in Registration.objects.order_by("pk")] == [["A 1"], []]


def test_only_what_must_be_answered_is_asked(client: Client, event: Event) -> None:
    make_ticket(event)
    make_product(event)
    visa = make_question(event, "visa", "yes_no")
    make_question(event, "passport", is_required=True, condition_question=visa, condition_values=[True])
    stays = make_question(event, "stays", "yes_no", is_required=True)
    make_question(event, "nights", is_required=True, condition_question=stays, condition_values=[True])
    text = text_of(client.get(ADDRESS))
    asked = {name for name in ("visa", "passport", "stays", "nights") if f"person-1-answer_{name}" in text}
    assert asked == {"stays", "nights"}
    assert 'data-shown-if="person-1-answer_stays"' in text
    assert "The rest, and what can be had beside the ticket, each of them chooses with their own link." in text


# -- Together or not at all ------------------------------------------------------------------------------------------------


def test_too_few_places_for_all_let_all_wait_together(client: Client, event: Event) -> None:
    quota = make_quota(event, 2)
    answer = send(client, people(make_ticket(event, quotas=[quota])))
    assert states_of(*Registration.objects.all()) == ["waiting"] * 3
    assert Quota.objects.get().taken == 0
    text = text_of(client.get(answer["Location"]))
    assert "Everybody is on the waiting list" in text


def test_without_a_waiting_list_nobody_is_registered_and_nothing_is_lost(client: Client, event: Event) -> None:
    full, free = make_ticket(event, 1, waiting_list=False), make_ticket(event)
    answer = send(client, {**people(full), "person-3-ticket_type": free.pk})
    assert not Registration.objects.exists()
    assert "There are not 3 places left for all of you." in errors_in(answer)[""]
    text = text_of(answer)
    for kept in ("Ada Lovelace", "Wang Fang", "Ольга Петрова", "guest2@example.org"):
        assert f'value="{kept}"' in text


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ([True, True], "they wait together and get them together."),
        ([False], "If there are too few places for all, nobody is registered."),
        ([True, False], "if the ticket of one of them has no waiting list, nobody is registered."),
    ],
)
def test_the_rule_is_said_before_sending(client: Client, event: Event, lists: list[bool], words: str) -> None:
    for waiting_list in lists:
        make_ticket(event, waiting_list=waiting_list)
    text = text_of(client.get(ADDRESS))
    assert words in text
    assert f"up to {LARGEST_GROUP} people" in text


# -- What is wrong ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Fill this in."),
        ("name", "nul\x00byte", None),
        ("name", "x" * 201, "Shorten this to 200 characters; it has 201."),
        ("email", "nobody", "Write the whole address, such as name@example.org."),
        ("family_name", "Elsewhere", "Write it just as it stands in your name above."),
        ("ticket_type", "999999", None),
        ("ticket_type", "", "Choose one."),
        ("answer_meals", "meat", None),
        ("answer_meals", "", "Answer this question."),
    ],
)
def test_one_bad_row_registers_nobody_and_says_whose_it_is(
    client: Client, event: Event, field: str, value: str, message: str | None
) -> None:
    make_choice(event, "meals", is_required=True)
    fields = {**people(make_ticket(event), answer_meals="vegan"), f"person-2-{field}": value}
    answer = send(client, fields)
    assert not Registration.objects.exists()
    ((link, words),) = errors_in(answer).items()
    assert link == f"id_person-2-{field}"
    assert words.startswith("Person 2 · ")
    assert message is None or message in words
    # Once above, and once beside the field.
    assert message is None or text_of(answer).count(message) == 2
    for kept in ("Ada Lovelace", "Ольга Петрова", "guest0@example.org"):
        assert f'value="{kept}"' in text_of(answer)


def test_the_same_address_twice_is_shown_beside_the_second(client: Client, event: Event) -> None:
    fields = {**people(make_ticket(event)), "person-3-email": "GUEST0@example.org"}
    assert list(errors_in(send(client, fields))) == ["id_person-3-email"]
    assert not Registration.objects.exists()


def test_an_address_that_is_registered_is_told_its_owner_and_nobody_else(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    register(ticket, "guest1@example.org")
    Message.objects.all().delete()
    for _ in range(2):
        answer = send(client, people(ticket))
        (words,) = errors_in(answer).values()
        assert "One of these addresses, or more, is registered for this event already" in words
        assert "guest1" not in words
    assert Registration.objects.count() == 1
    # One an hour.
    (message,) = Message.objects.all()
    assert (message.kind, message.recipient_email) == ("registered_already", "guest1@example.org")


def test_one_person_alone_is_answered_as_in_the_single_form(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    register(ticket, "guest0@example.org")
    answer = send(client, people(ticket, 1))
    assert answer["Location"] == f"{SINGLE}sent/"
    assert Registration.objects.count() == 1


def test_more_people_than_a_group_may_have_are_refused(client: Client, event: Event) -> None:
    ticket = make_ticket(event, 100)
    answer = send(client, people(ticket, LARGEST_GROUP + 1))
    assert "A group is 1 to 50 people." in errors_in(answer)[""]
    assert not Registration.objects.exists()
    assert send(client, people(ticket, LARGEST_GROUP)).status_code == 302
    assert Registration.objects.count() == LARGEST_GROUP


def test_nasty_words_are_stored_and_shown_as_typed_or_refused(client: Client, event: Event) -> None:
    ticket = make_ticket(event, 1000)
    strings = [text for text in json.loads(shared("nasty/blns.json").read_text()) if text]
    for start in range(0, 240, 40):
        words = strings[start : start + 40]
        fields = people(ticket, len(words))
        for n, text in enumerate(words, 1):
            fields |= {f"person-{n}-name": text, f"person-{n}-email": f"n{start}-{n}@example.org"}
        answer = send(client, fields)
        assert answer.status_code in {200, 302}
        bad = {link.split("-")[1] for link in errors_in(answer) if link}
        assert "<script>alert" not in text_of(answer)
        good = {name: value for name, value in fields.items() if name.split("-")[1] not in bad}
        if answer.status_code == 200:
            assert bad
            answer = send(client, good)
            assert answer.status_code == 302
        stored = {r.email: r.name for r in Registration.objects.filter(email__startswith=f"n{start}-")}
        typed = {good[name]: good[name.replace("email", "name")].strip() for name in good if name.endswith("email")}
        assert stored == typed
        assert "<script>alert" not in text_of(client.get(answer["Location"]))


def test_a_program_that_fills_in_what_people_do_not_see_writes_nothing(client: Client, event: Event) -> None:
    answer = send(client, people(make_ticket(event)), website="https://example.org")
    assert answer["Location"] == f"{SINGLE}sent/"
    assert not Registration.objects.exists()
    assert not Message.objects.exists()


# -- Sent again ------------------------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_is_one_group(client: Client, event: Event) -> None:
    fields = people(make_ticket(event))
    first, second = (send(client, fields, token="t") for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Registration.objects.count() == 3
    assert RegistrationGroup.objects.count() == 1
    assert Message.objects.count() == 3


def test_sent_again_by_a_group_that_left_and_came_back_alone_it_changes_nothing(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    fields = people(ticket, 1)
    send(client, fields, token="t")
    cancel(Registration.objects.get())
    register(ticket, "guest0@example.org")
    assert send(client, fields, token="t")["Location"] == f"{SINGLE}sent/"
    assert Registration.objects.count() == 2


def test_a_page_that_was_open_too_long_keeps_what_was_typed(event: Event) -> None:
    strict = Client(headers={"accept-language": "en"}, enforce_csrf_checks=True)
    text = text_of(send(strict, people(make_ticket(event))))
    assert "This page was open for a long time" in text
    assert 'value="Wang Fang"' in text
    assert not Registration.objects.exists()


def test_each_reader_of_the_kept_page_has_tokens_of_their_own_that_open_it(event: Event) -> None:
    ticket = make_ticket(event)
    seen: set[str] = set()
    for number in range(2):
        reader = Client(headers={"accept-language": "en"}, enforce_csrf_checks=True)
        page = text_of(reader.get(ADDRESS))
        tokens = dict(re.findall(r'name="(csrfmiddlewaretoken|token)" value="([^"]+)"', page))
        assert reader.post(ADDRESS, {**people(ticket, 1, email=f"{number}@example.org"), **tokens, "language": "en"})[
            "Location"
        ].startswith(ADDRESS)
        seen |= set(tokens.values())
    assert len(seen) == 4


# -- Without a script ------------------------------------------------------------------------------------------------------


def test_a_person_more_or_fewer_loses_nothing_of_the_others(client: Client, event: Event) -> None:
    make_choice(event, "meals", is_required=True)
    ticket, _other = make_ticket(event), make_ticket(event)
    fields = {**people(ticket, 2, answer_meals="vegan", affiliation="Tea <1>"), "person-2-email": "half"}
    more = text_of(send(client, fields, add="1"))
    for kept in ('value="Ada Lovelace"', 'value="Wang Fang"', 'value="half"'):
        assert kept in more
    # Who is added has what people of a group mostly share.
    assert more.count('value="Tea &lt;1&gt;"') == 3
    assert more.count(f'<option value="{ticket.pk}" selected>') == 3
    assert len(re.findall(r'value="vegan"[^>]* checked', more)) == 2
    assert re.search(r'id="person-3"[^>]* autofocus', more)
    assert "form-errors" not in more
    fewer = text_of(send(client, fields, remove="1"))
    assert "Ada Lovelace" not in fewer
    assert 'name="person-2-name" value="Wang Fang"' in fewer
    assert not Registration.objects.exists()


def test_nobody_is_added_to_a_full_group_and_somebody_always_stays(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    full = text_of(send(client, people(ticket, LARGEST_GROUP), add="1"))
    assert len(re.findall(r'name="person-\d+-name"', full)) == LARGEST_GROUP
    none = text_of(send(client, people(ticket, 1), remove="1"))
    assert re.findall(r'name="(person-\d+-name)"', none) == ["person-1-name"]


@pytest.mark.parametrize("number", ["x", "-1", "99999999999999999999", "1-name", "", "2"])
def test_odd_numbers_take_nobody_away(client: Client, event: Event, number: str) -> None:
    text = text_of(send(client, people(make_ticket(event), 1), remove=number))
    assert 'value="Ada Lovelace"' in text


def test_another_language_keeps_what_was_typed(client: Client, event: Event) -> None:
    fields = people(make_ticket(event), 2)
    text = text_of(client.post(f"{ADDRESS}?lang=zh-hans", {"token": "t", "switch": "zh-hans", **fields}))
    assert 'lang="zh-hans"' in text.lower()
    assert 'value="Wang Fang"' in text
    # The native name is asked first there.
    assert text.index("person-1-native_name") < text.index("person-1-name")
    assert "form-errors" not in text


def test_files_are_kept_while_people_are_added(client: Client, event: Event, tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    make_question(event, "card", "file", is_required=True)
    fields = people(make_ticket(event), 2)
    cards = {f"person-{n}-answer_card": SimpleUploadedFile(f"card{n}.pdf", PDF) for n in (1, 2)}
    more = text_of(send(client, {**fields, **cards}, add="1"))
    kept = dict(re.findall(r'name="(person-\d-kept_card)" value="([^"]+)"', more))
    assert set(kept) == {"person-1-kept_card", "person-2-kept_card"}
    assert send(client, {**fields, **kept}).status_code == 302
    assert [f.name for r in Registration.objects.order_by("pk") for f in r.files.all()] == ["card1.pdf", "card2.pdf"]


def test_the_largest_group_may_have_many_questions_and_files(
    client: Client, event: Event, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    for number in range(3):
        make_question(event, f"card{number}", "file", is_required=True)
    for number in range(40):
        make_question(event, f"words{number}", "text")
    fields = people(make_ticket(event, 100), LARGEST_GROUP)
    for n in range(1, LARGEST_GROUP + 1):
        fields |= {f"person-{n}-answer_words{number}": f"Word {number}" for number in range(40)}
        fields |= {f"person-{n}-answer_card{number}": SimpleUploadedFile(f"{n}.pdf", PDF) for number in range(3)}
    assert send(client, fields).status_code == 302
    assert Registration.objects.filter(state="confirmed").count() == LARGEST_GROUP
    assert AnswerFile.objects.exclude(registration=None).count() == 3 * LARGEST_GROUP


# -- The way there ---------------------------------------------------------------------------------------------------------


def test_the_form_for_one_person_leads_to_that_for_a_group_where_somebody_can_register(
    client: Client, event: Event
) -> None:
    assert ADDRESS not in text_of(client.get(SINGLE))
    assert "This event has no registration" in text_of(client.get(ADDRESS))
    ticket = make_ticket(event, 1, waiting_list=False)
    assert f'href="{ADDRESS}"' in text_of(client.get(SINGLE))
    register(ticket)
    assert ADDRESS not in text_of(client.get(SINGLE))
    assert "Registration is not open" in text_of(client.get(ADDRESS))


def test_with_one_ticket_nobody_is_asked_which(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    text = text_of(client.get(ADDRESS))
    assert f'type="hidden" name="person-1-ticket_type" value="{ticket.pk}"' in text
    assert "Choose a ticket" not in text
    # One that went meanwhile is asked for, and not given away for another.
    gone = text_of(send(client, {**people(ticket), "person-2-ticket_type": "999"}))
    assert '<select name="person-2-ticket_type"' in gone
    assert not Registration.objects.exists()


# -- Speed -----------------------------------------------------------------------------------------------------------------


def test_one_person_and_three_take_the_same_queries(client: Client, event: Event) -> None:
    make_choice(event, "meals", is_required=True)
    ticket = make_ticket(event)
    send(client, people(ticket, 2, answer_meals="vegan", email=""))
    counts = []
    for number, count in enumerate((1, 3)):
        fields = people(ticket, count, answer_meals="vegan")
        for n in range(1, count + 1):
            fields |= {f"person-{n}-email": f"{number}-{n}@example.org", f"person-{n}-affiliation": f"Lab {n}"}
        with CaptureQueriesContext(connection) as blank:
            client.get(ADDRESS)
            blank_count = len(blank)
        with CaptureQueriesContext(connection) as wrong:
            send(client, {**fields, "person-1-name": ""})
            wrong_count = len(wrong)
        with CaptureQueriesContext(connection) as right:
            page = send(client, fields)["Location"]
            right_count = len(right)
        with CaptureQueriesContext(connection) as shown:
            client.get(page)
            shown_count = len(shown)
        counts.append((blank_count, wrong_count, right_count, shown_count))
    assert counts[0] == counts[1]
    assert counts[0] == (1, 1, 7, 3)
