"""Rows that are written past Django's own statements are what these write."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F, Model
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from pytest_django import DjangoAssertNumQueries

from accounts.models import Institution, Person
from common.inserts import Inserts
from common.models import AuditEntry, IdempotencyKey
from events.models import Event
from registrations.models import TicketType
from tests.data import shared
from tests.factories.registrations import NOW

pytestmark = pytest.mark.django_db

TEXTS = [
    "",
    "O'Brien \\ \\' '' $1 %s %% {} ; DROP TABLE accounts_person; --",
    "王小明 🎓 \u202e\U00010348 é",
    "line\nline\r\n\ttab",
]


def values(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key}


def rows(event: Event, text: str) -> list[list[Model]]:
    """Of each kind of column: text, JSON, arrays, numbers, dates, true and false, nothing."""
    return [
        [
            Institution(
                names={"en": text, "zh": [text, None, 1.5, True]},
                country="CN",
                domains=[text, "b,{}"],
                partner_since=date(2027, 3, 1),
                name_keys=[text],
            ),
            Institution(domains=[]),
        ],
        [Person(name=text, native_name=text, email_key=None), Person(name="Ada", email_key=f"{len(text)}@example.org")],
        [AuditEntry(verb="said", event_id=2**62, at=NOW, details={"what": text}, actor=None)],
        [
            TicketType(
                event=event,
                name={"en": text},
                price=Decimal("12.50"),
                waiting_list=True,
                position=7,
                available_until=datetime(2027, 3, 1, 9, 30, 0, 123456, tzinfo=UTC),
            ),
            TicketType(event=event, name={"en": "Free"}, price=Decimal(0), waiting_list=False, available_until=None),
        ],
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_they_are_as_django_writes_them(
    event: Event, text: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    written = Inserts()
    for many in rows(event, text):
        written.add(many)
    with django_assert_num_queries(1):
        written.write()
    for many in rows(event, text):
        model = type(many[0])
        ours = [values(row) for row in model._default_manager.order_by("-pk")[: len(many)]]
        model._default_manager.all().delete()
        model._default_manager.bulk_create(many)
        assert ours == [values(row) for row in model._default_manager.order_by("-pk")[: len(many)]]


def test_values_of_another_type_become_the_columns_own() -> None:
    written = Inserts()
    said: Any = gettext_lazy("said")
    written.add([AuditEntry(verb=said, event_id="7", at=NOW, details={})])
    written.add([Person(name=SafeString("Ada"), email_key=None, country="CN")])
    written.write()
    entry, person = AuditEntry.objects.get(), Person.objects.get()
    assert (entry.verb, entry.event_id) == ("said", 7)
    assert (person.name, person.country.code) == ("Ada", "CN")


def test_nasty_strings_come_back_as_they_were() -> None:
    nasty = [text for text in json.loads(shared("nasty/blns.json").read_text()) if "\0" not in text]
    written = Inserts()
    written.add(AuditEntry(verb="said", subject_label=text[:200], at=NOW, details={"is": text}) for text in nasty)
    written.write()
    assert [(row.subject_label, row.details) for row in AuditEntry.objects.order_by("pk")] == [
        (text[:200], {"is": text}) for text in nasty
    ]


def test_rows_that_are_there_already_can_be_passed_over() -> None:
    for _ in range(2):
        written = Inserts()
        keys = [IdempotencyKey(caller="one", key=key, created_at=NOW) for key in ("a", "b")]
        written.add(keys, ignore_conflicts=True)
        written.write()
    assert IdempotencyKey.objects.count() == 2


def test_a_row_can_point_to_one_that_was_saved_after_it_was_named() -> None:
    university = Institution(names={"en": "Tea University"})
    guest = Person(name="Ada", institution=university)
    university.save()
    written = Inserts()
    written.add([guest])
    written.write()
    assert Person.objects.get().institution == university


def test_what_was_written_is_not_written_again() -> None:
    written = Inserts()
    written.add([Person(name="Ada")])
    written.write()
    written.write()
    assert Person.objects.count() == 1


def test_what_cannot_be_written_is_refused_as_django_refuses_it() -> None:
    written = Inserts()
    written.add([Person(name="a\0b")])
    with pytest.raises(DataError, match="NUL"):
        written.write()


def test_an_expression_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Person\.name holds an expression"):
        Inserts().add([Person(name=F("email"))])


# -- Ending the transaction ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("commits", [True, False])
def test_rows_can_end_the_transaction_for_others_before_it_is_left(commits: bool) -> None:
    """Without being asked to they do not, which is the control."""
    done: list[str] = []
    with transaction.atomic():
        Institution.objects.create(names={"en": "Tea University"})
        transaction.on_commit(lambda: done.append("told"))
        add("Ada").write(commits=commits)
        assert (people_seen_by_others() == ["Ada"]) == commits
        assert not done
    assert people_seen_by_others() == ["Ada"]
    assert done == ["told"]
    assert Institution.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_they_leave_it_to_whoever_began_one_around() -> None:
    with transaction.atomic():
        with transaction.atomic():
            add("Ada").write(commits=True)
        assert people_seen_by_others() == []
        transaction.set_rollback(True)
    assert people_seen_by_others() == []


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_at_its_end_leaves_nothing() -> None:
    """Keys of other tables are looked for only then."""
    with pytest.raises(IntegrityError, match="institution_id"):
        add_to_no_university()
    assert not Person.objects.exists()
    assert not Institution.objects.exists()
    with transaction.atomic():
        add("Zoë").write(commits=True)
    assert people_seen_by_others() == ["Zoë"]


def add(name: str) -> Inserts:
    written = Inserts()
    written.add([Person(name=name)])
    return written


@transaction.atomic
def add_to_no_university() -> None:
    Institution.objects.create(names={"en": "Tea University"})
    written = Inserts()
    written.add([Person(name="Ada", institution_id=2**40)])
    written.write(commits=True)


def people_seen_by_others() -> list[str]:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_people).result()


def _people() -> list[str]:
    try:
        return list(Person.objects.values_list("name", flat=True))
    finally:
        connection.close()
