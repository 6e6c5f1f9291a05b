"""What organizers read of who changed what of a registration, from what to what."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import User
from common.models import AuditEntry
from events.models import Event
from registrations.history import changes_of
from registrations.models import Registration
from registrations.services import own_data, places
from tests.factories.registrations import NOW, a_file, make_choice, make_question, make_ticket, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def guest(event: Event) -> Registration:
    make_choice(event, "meals", ("all", "vegan"))
    make_question(event, "visa", "yes_no")
    make_question(event, "passport", is_sensitive=True)
    return register(
        make_ticket(event),
        name="Wang Fang",
        country="CN",
        answers={"meals": "all", "passport": "E12345678"},
    )


def change(guest: Registration, **changes: object) -> AuditEntry:
    places.change_registration(registration=guest, changes=changes, actor=None, now=NOW)
    return AuditEntry.objects.filter(verb="registration_changed").latest("pk")


def read(entry: AuditEntry) -> list[tuple[str, str, str]]:
    return [(one.label, one.old, one.new) for one in changes_of(entry)]


def test_each_field_is_told_from_what_to_what_in_the_readers_language(guest: Registration) -> None:
    entry = change(guest, name="Wang Fang-Li", family_name="Wang", country="DE", language="zh-hans")
    assert read(entry) == [
        ("Name", "Wang Fang", "Wang Fang-Li"),
        ("Family name", "", "Wang"),
        ("Country", "China", "Germany"),
        ("Language of mails", "English", "简体中文"),
    ]
    with translation.override("zh-hans"):
        assert read(entry)[2] == ("国家", "中国", "德国")


def test_answers_are_told_by_their_question_in_the_words_that_were_answered(guest: Registration) -> None:
    entry = change(guest, answers={"meals": "vegan", "visa": True})
    assert sorted(read(entry)) == [("Question meals?", "All", "Vegan"), ("Question visa?", "", "Yes")]
    entry = change(guest, answers={"meals": None})
    assert read(entry) == [("Question meals?", "Vegan", "")]


def test_secrets_and_files_are_told_by_name_alone(guest: Registration) -> None:
    entry = change(guest, answers={"passport": "G99999999"})
    assert [(one.label, one.is_told) for one in changes_of(entry)] == [("Question passport?", False)]
    assert "G99999999" not in str(entry.details)
    assert "E12345678" not in str(entry.details)
    file = a_file(guest)
    entry = AuditEntry.objects.filter(verb="registration_changed").latest("pk")
    assert [one.is_told for one in changes_of(entry)] == [False]
    assert file.reference not in str(entry.details)


def test_what_did_not_change_is_not_told(guest: Registration) -> None:
    change(guest, name="Other", country="CN", answers={"meals": "all"})
    assert read(AuditEntry.objects.get(verb="registration_changed")) == [("Name", "Wang Fang", "Other")]


def test_an_erased_person_has_a_history_without_anything_of_theirs(guest: Registration) -> None:
    change(guest, name="Wang Fang-Li")
    own_data.erase_registration(registration=guest, actor=None, now=NOW)
    entries = AuditEntry.objects.filter(subject_type="registrations.registration", subject_id=str(guest.pk))
    assert {entry.verb for entry in entries} >= {"registered", "registration_changed", "registration_erased"}
    assert [change for entry in entries for change in read(entry)] == []
    assert {entry.subject_label for entry in entries} <= {guest.code, f"{guest.code} —"}


def test_the_page_shows_old_and_new(client: Client, organizer: User, event: Event, guest: Registration) -> None:
    client.force_login(organizer)
    places.change_registration(registration=guest, changes={"name": "<b>Li</b>"}, actor=organizer, now=NOW)
    page = client.get(f"/organize/{event.slug}/registrations/{guest.code}/").content.decode()
    assert "<del><span" in page
    assert "<bdi>Wang Fang</bdi></del>" in page
    assert "<bdi>&lt;b&gt;Li&lt;/b&gt;</bdi></ins>" in page
