"""Statements that a connection prepares once do as they did, whatever becomes of the transaction in which it did so."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.transaction import TransactionManagementError
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.models import Person
from common import statements
from common.statements import Statement, ask, exchange, text_of

pytestmark = pytest.mark.django_db(transaction=True)

COUNT: Statement = ("SELECT %s::int + 1, %s::text", [41, "O'Hara; \\' 王芳 %s $1"])
COUNTED = [(42, "O'Hara; \\' 王芳 %s $1")]
INSERT = "INSERT INTO accounts_person (name, native_name, family_name, name_order, email, email_key, affiliation, country, orcid) VALUES (%s, '', '', 'as_written', '', %s, '', '', '') RETURNING name"


@pytest.fixture(autouse=True)
def _new_connection() -> Iterator[None]:
    connection.close()
    yield
    connection.close()


def rows(*asked: Statement) -> list[list[Any]]:
    return [answer.rows for answer in ask(asked)]


def names() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return {name for (name,) in cursor.fetchall()}


def add(name: str, key: str | None = None) -> Statement:
    return INSERT, [name, key]


def test_they_find_what_they_find_unprepared(settings: Settings) -> None:
    assert [rows(COUNT), rows(COUNT)] == [[COUNTED]] * 2
    assert len(names()) == 1
    settings.DATABASE_PREPARE = False
    assert rows(COUNT) == [COUNTED]


def test_it_is_always_one_round_trip(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        with django_assert_num_queries(1):
            assert rows(COUNT, add("Ada"), ("SELECT 1", []), COUNT) == [COUNTED, [("Ada",)], [(1,)], COUNTED]
    with django_assert_num_queries(1):
        assert rows(add("Ada"), ("SELECT 2", [])) == [[("Ada",)], [(2,)]]
    assert len(names()) == 4


def test_each_connection_prepares_its_own() -> None:
    for _ in range(2):
        assert rows(COUNT) == [COUNTED]
        assert len(names()) == 1
        connection.close()


def test_who_watches_sees_the_same(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Watched, they go by Django's own cursor."""
    asked: list[Statement] = [
        add("Ada"),
        COUNT,
        ("UPDATE accounts_person SET name = %s", ["Grace"]),
        ("SELECT 1 WHERE false", []),
    ]
    unwatched = ask(asked)
    Person.objects.all().delete()
    with django_assert_num_queries(1):
        watched = ask(asked)
    assert watched == unwatched
    assert [answer.affected for answer in watched] == [1, 1, 1, 0]


def test_they_begin_the_transaction_that_they_are_in() -> None:
    with transaction.atomic():
        assert rows(add("Ada"), COUNT) == [[("Ada",)], COUNTED]
        with transaction.atomic():
            rows(add("Grace"))
            transaction.set_rollback(True)
        assert Person.objects.count() == 1
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            rows(COUNT)
    assert Person.objects.count() == 0


def test_what_is_long_goes_and_comes_whole() -> None:
    name = "汉" * 2_000_000
    assert rows(("SELECT %s::text", [name]), ("SELECT repeat('字', 2000000)", [])) == [[(name,)], [("字" * 2_000_000,)]]


def test_what_cannot_be_written_is_refused_as_django_refuses_it() -> None:
    with pytest.raises(DataError, match="NUL"):
        rows(("SELECT %s::text", ["a\0b"]))
    assert rows(("SELECT %s::text", ["ab"])) == [[("ab",)]]


def test_a_connection_that_breaks_is_said_and_forgotten() -> None:
    rows(COUNT)
    broken = weakref.ref(connection.connection)
    with pytest.raises(OperationalError):
        rows(("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(1)", []))
    connection.close()
    assert rows(COUNT) == [COUNTED]
    gc.collect()
    assert broken() is None


def test_a_transaction_that_is_taken_back_leaves_them_as_they_are() -> None:
    with transaction.atomic():
        rows(add("Ada"))
        transaction.set_rollback(True)
    assert rows(add("Ada")) == [[("Ada",)]]
    assert Person.objects.count() == 1


def test_one_that_is_refused_at_its_first_use_is_good_at_the_next() -> None:
    Person.objects.create(name="Ada", email_key="ada@example.org")
    with pytest.raises(IntegrityError, match="person_one_per_address"):
        rows(COUNT, add("Ada", "ada@example.org"), ("SELECT 1", []))
    for number in range(2):
        assert rows(add("Grace", f"grace{number}@example.org"), COUNT) == [[("Grace",)], COUNTED]


def test_one_that_comes_when_the_transaction_has_failed_is_good_after_it() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(ProgrammingError):
            cursor.execute("SELECT nothing")
        with pytest.raises(InternalError, match="transaction is aborted"):
            rows(COUNT)
        transaction.set_rollback(True)
    assert [rows(COUNT), rows(COUNT)] == [[COUNTED]] * 2


def test_a_pooler_that_pools_transactions_can_have_it_switched_off(settings: Settings) -> None:
    settings.DATABASE_PREPARE = False
    assert rows(COUNT, add("Ada")) == [COUNTED, [("Ada",)]]
    assert text_of(("SELECT %s", [1]), prepared=True) == b"SELECT 1"
    assert names() == set()


def test_one_that_is_sent_by_other_ways_is_prepared_before() -> None:
    assert text_of(COUNT, prepared=False).startswith(b"SELECT 41::int + 1")
    text = text_of(COUNT, prepared=True)
    assert text == text_of(COUNT, prepared=True)
    assert text.startswith(b"EXECUTE lihu_")
    assert [answer.rows for answer in exchange(text)] == [COUNTED]


def test_without_what_is_remembered_of_a_failure_it_would_be_prepared_twice_or_never() -> None:
    Person.objects.create(name="Ada", email_key="ada@example.org")
    with pytest.raises(IntegrityError):
        rows(add("Ada", "ada@example.org"))
    delattr(connection.connection, statements._KNOWN)
    with pytest.raises(ProgrammingError, match="already exists"):
        rows(add("Grace"))
