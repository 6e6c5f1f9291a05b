"""Controls: races for places with the guard taken out. They go wrong, so that those of test_places that pass mean something."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import QuerySet

from accounts.models import Person
from common.inserts import Inserts
from events.models import Event
from registrations.models import Answer, AnswerFile, Quota, RegistrationGroup
from registrations.services import answers, payments, promotion, registering
from registrations.services.registering import Applicant
from tests.concurrency.test_places import assert_at_rest, broken, errors_in, race
from tests.factories.registrations import NOW, make_question, make_ticket, pay, register, send_file, states_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def _without_row_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_how: self)


def met(service: Callable[..., Any], racers: int = 2) -> Callable[..., Any]:
    """The service, once all racers have come to it: what they have read is then as old for each of them."""
    meeting = threading.Barrier(racers, timeout=20)

    def call(*args: Any, **kwargs: Any) -> Any:
        meeting.wait()
        return service(*args, **kwargs)

    return call


@pytest.mark.usefixtures("_without_row_locks")
def test_without_the_lock_money_confirms_a_place_that_went_to_the_next(
    event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = NOW + timedelta(days=14)
    ticket = make_ticket(event, 1, price="100.00")
    owing, behind = register(ticket), register(ticket)
    looked, swept = threading.Event(), threading.Event()
    confirm = payments.confirm_if_paid

    def think(*args: Any) -> bool:
        looked.set()
        assert swept.wait(20)
        return confirm(*args)

    monkeypatch.setattr(payments, "confirm_if_paid", think)

    def act(number: int) -> None:
        if number:
            assert looked.wait(20)
            promotion.expire_overdue(now=due)
            swept.set()
        else:
            pay(owing, "100.00", now=due)

    assert errors_in(race(2, act)) == []
    assert states_of(owing, behind) == ["confirmed", "awaiting_payment"]
    assert broken(event) != []


def test_without_one_count_for_all_of_it_a_group_is_torn(event: Event) -> None:
    ticket = make_ticket(event, 4)
    one_each = met(register)

    answers = race(2, lambda _: [one_each(ticket).state for _member in range(4)])

    assert errors_in(answers) == []
    assert any(len(set(states)) > 1 for states in answers)


def test_without_one_order_two_groups_with_the_same_people_lock_each_other(
    event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "sorted", lambda people, **_by: list(people), raising=False)
    both_have_begun = threading.Barrier(2)

    class OneByOne(Inserts):
        def add(self, rows: Iterable[Any], **how: Any) -> list[Any]:
            added = list(rows)
            for number, row in enumerate(added):
                super().add([row], **how)
                self.write()
                if isinstance(row, Person) and number == 0:
                    both_have_begun.wait(10)
            return added

    monkeypatch.setattr(registering, "Inserts", OneByOne)
    # Of one quota the first who takes places holds back the other.
    tickets = [make_ticket(event, 500) for _ in range(2)]
    emails = ["ada@example.org", "grace@example.org"]

    def act(number: int) -> int:
        people = [
            Applicant(ticket_type=tickets[number], name="Guest", email=email, language="en", answers={})
            for email in (emails if number % 2 else reversed(emails))
        ]
        return len(registering.register_group(event=event, people=people, actor=None, now=NOW))

    refused = [error for error in errors_in(race(2, act)) if isinstance(error, OperationalError)]
    assert "deadlock" in str(refused)
    assert RegistrationGroup.objects.exists()


@pytest.mark.usefixtures("_without_row_locks")
def test_without_locks_sweepers_that_meet_end_each_place_twice(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make_ticket(event, 3, price="10.00")
    for _ in range(3):
        register(ticket)
    monkeypatch.setattr(promotion, "end_all", met(promotion.end_all))

    ended = race(2, lambda _: promotion.expire_overdue(now=NOW + timedelta(days=60)))

    assert ended == [3, 3]
    assert broken(event) != []


@pytest.mark.usefixtures("_without_row_locks")
def test_without_locks_sweepers_that_meet_give_each_place_twice(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make_ticket(event, 1, price="10.00")
    for _ in range(4):
        register(ticket)
    Quota.objects.filter(event=event).update(size=3)
    allot, decided = promotion._allot, threading.Barrier(2, timeout=20)

    def decide(*asked: Any) -> Any:
        given = allot(*asked)
        decided.wait()
        return given

    monkeypatch.setattr(promotion, "_allot", decide)

    given = race(2, lambda _: promotion.fill_free_places(now=NOW))

    assert given == [2, 2]
    assert broken(event) != []


# -- One file as two people's answer ---------------------------------------------------------------------------------------


@pytest.fixture
def _own_files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.usefixtures("_own_files")
def test_a_file_that_many_give_as_their_answer_at_once_is_ones_alone(event: Event) -> None:
    ticket, question = make_ticket(event, 50), make_question(event, "proof", "file")
    reference = send_file(question).reference

    given = race(16, lambda _: register(ticket, answers={"proof": reference}))

    refused = errors_in(given)
    assert {problem.code for error in refused for problem in error.problems} == {"file_not_found"}  # type: ignore[attr-defined]
    assert len(refused) == 15
    assert Answer.objects.get().registration == AnswerFile.objects.get().registration
    assert_at_rest(event)


@pytest.mark.usefixtures("_own_files")
def test_without_the_condition_in_the_update_a_file_is_taken_from_who_had_it(event: Event) -> None:
    ticket, question = make_ticket(event, 50), make_question(event, "proof", "file")
    reference = send_file(question).reference
    people = [register(ticket), register(ticket)]

    def take(own: Any) -> None:
        AnswerFile.objects.filter(reference=reference).update(registration=own)

    take_at_once = met(take)

    def look_then_take(number: int) -> bool:
        read = answers.check_answers(
            questions=[question], answers={"proof": reference}, ticket_type=ticket, registration=people[number]
        )
        take_at_once(people[number])
        return not read.problems

    assert race(2, look_then_take) == [True, True]
    assert AnswerFile.objects.get().registration in people
