"""A statement that the database works on while we do something else."""

from __future__ import annotations

import time

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection

from accounts.models import Person
from common.underway import Underway

pytestmark = pytest.mark.django_db(transaction=True)

INSERT = "INSERT INTO accounts_person (name, native_name, family_name, name_order, email, email_key, affiliation, country, orcid) VALUES (%s, '', '', 'as_written', '', %s, '', '', '')"


def test_it_is_done_when_it_is_finished() -> None:
    Underway(INSERT, ["O'Hara; 100 % — 王芳", "ada@example.org"]).finish()
    assert Person.objects.get().name == "O'Hara; 100 % — 王芳"


def test_a_long_one_is_handed_over_whole() -> None:
    name = "汉" * 2_000_000
    began = Underway("SELECT length(%s)", [name])
    began.finish()
    assert Person.objects.count() == 0


def test_we_go_on_meanwhile() -> None:
    began = time.monotonic()
    sleeping = Underway("SELECT pg_sleep(%s)", [0.5])
    assert time.monotonic() - began < 0.4
    sleeping.finish()
    assert time.monotonic() - began >= 0.5


def test_a_refusal_comes_with_the_end_and_as_of_any_other_statement() -> None:
    Underway(INSERT, ["Ada", "ada@example.org"]).finish()
    again = Underway(INSERT, ["Ada", "ada@example.org"])
    with pytest.raises(IntegrityError, match="person_one_per_address"):
        again.finish()
    nonsense = Underway("SELECT nothing", [])
    with pytest.raises(ProgrammingError):
        nonsense.finish()
    assert Person.objects.count() == 1


def test_nothing_else_can_be_asked_before_the_end() -> None:
    sleeping = Underway("SELECT pg_sleep(%s)", [0.1])
    with pytest.raises(OperationalError, match="already in progress"):
        Person.objects.count()
    sleeping.finish()
    assert Person.objects.count() == 0


def test_a_connection_that_breaks_is_said() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (mine,) = cursor.fetchone()
    ending = Underway("SELECT pg_terminate_backend(%s), pg_sleep(1)", [mine])
    with pytest.raises(OperationalError):
        ending.finish()
    connection.close()
    assert Person.objects.count() == 0
