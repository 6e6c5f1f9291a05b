"""Giving places, and taking them back. Source: docs/explanation/places-and-waiting-list.md

Locks are taken in one order everywhere: quotas by id, then registrations. Only whoever may have to serve the line locks the
quotas of the event; a newcomer who finds a place updates a counter and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services.people import find_or_create_person
from common import audit, idempotency
from common.problems import Problem, Refusal
from common.text import email_key
from events.models import Event, EventState
from events.services.texts import validate
from notifications.notices import NoticeKind
from notifications.services import ledger
from registrations import notices
from registrations.models import (
    HOLDS_A_PLACE,
    Answer,
    Question,
    QuestionOption,
    Quota,
    Registration,
    RegistrationState,
    TicketType,
)
from registrations.problems import (
    already_registered,
    is_empty,
    problems_with_answers,
    problems_with_registering,
    sold_out,
)

log = structlog.get_logger(__name__)

#: What their owner, or the organizer, may change of a registration.
CHANGEABLE: Final = frozenset({"name", "native_name", "affiliation", "country", "language", "answers"})
#: A code that is taken already comes up once in millions; then another is drawn.
_TRIES: Final = 3


class CannotRegister(Refusal):
    """Codes of `registrations.problems`, `sold_out` and `already_registered` among them."""


class CannotChangeRegistration(Refusal):
    """Codes `registration_is_over`, `not_pending`, and those of answers."""


def register(
    *,
    event: Event,
    ticket_type: TicketType,
    name: str,
    email: str,
    language: str,
    answers: Mapping[str, Any],
    native_name: str = "",
    affiliation: str = "",
    country: str = "",
    form_token: str = "",
    actor: User | None,
    now: datetime,
) -> Registration:
    """Give the person a place or, where there is none and the ticket has a waiting list, the next place in line.

    One conditional UPDATE per quota, in id order; the quotas are locked only where one was full. Writes the registration, its
    answers, audit "registered" and one message. Repeating it with the same `form_token` returns the first registration.
    Raises CannotRegister, Invalid. One live registration per address and event is a unique constraint, which two requests
    at once run into.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                if form_token and (first := _claimed(event, form_token, now)):
                    return first
                registration = _register(
                    Registration(
                        event=event,
                        ticket_type=ticket_type,
                        name=name,
                        native_name=native_name,
                        email=email.strip(),
                        email_key=email_key(email),
                        language=language,
                        affiliation=affiliation,
                        country=country,
                        amount=ticket_type.price,
                        currency=event.currency,
                        registered_at=now,
                        state_changed_at=now,
                    ),
                    answers=answers,
                    actor=actor,
                )
                if form_token:
                    idempotency.settle(
                        caller=_form(event), key=form_token, status=201, body={"registration": registration.pk}
                    )
                return registration
        except IntegrityError as error:
            if "one_live_per_person" in str(error):
                raise CannotRegister([already_registered()]) from error
            if "code_once_per_event" not in str(error) or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _register(registration: Registration, *, answers: Mapping[str, Any], actor: User | None) -> Registration:
    event, ticket_type, now = registration.event, registration.ticket_type, registration.registered_at
    questions = questions_of(event)
    if problems := problems_with_registering(
        event=event, ticket_type=ticket_type, questions=questions, answers=answers, now=now
    ):
        raise CannotRegister(problems)
    registration.state = RegistrationState.CONFIRMED
    registration.search_text = registration.searchable()
    validate(registration, exclude=("event", "ticket_type", "person"), constraints=False)
    if Registration.objects.live().filter(event=event, email_key=registration.email_key).exists():
        raise CannotRegister([already_registered()])
    registration.person = find_or_create_person(
        email=registration.email,
        name=registration.name,
        native_name=registration.native_name,
        affiliation=registration.affiliation,
        country=registration.country,
    )
    if not _take_places(ticket_type):
        if not ticket_type.waiting_list:
            raise CannotRegister([sold_out(ticket_type)])
        registration.state = RegistrationState.WAITING
    else:
        registration.state = _state_with_a_place(ticket_type)
    registration.save(force_insert=True)
    _write_answers(registration, questions, answers)
    audit.record(
        actor=actor, verb="registered", subject=registration, at=now, event_id=event.pk, state=registration.state
    )
    _tell(notices.FOR_STATE[RegistrationState(registration.state)], registration, now)
    return registration


@transaction.atomic
def remind_of_registration(*, event: Event, email: str, now: datetime) -> None:
    """Somebody typed an address that is registered: tell its owner, and nobody else. At most one such mail an hour."""
    registration = Registration.objects.live().filter(event=event).of_address(email).with_details().first()
    if registration is not None:
        registration.event = event
        notice = notices.notice(notices.REGISTERED_ALREADY, registration, revision=f"{now:%Y%m%d%H}")
        ledger.notify(kind=notices.REGISTERED_ALREADY, notice=notice, now=now)


@transaction.atomic
def change_registration(
    *, registration: Registration, changes: Mapping[str, Any], actor: User | None, now: datetime
) -> Registration:
    """Change what somebody said about themselves (`CHANGEABLE`); `answers` replaces those that it names.

    Locks the row. Audit "registration_changed"; one message where anything changed. Raises CannotChangeRegistration, Invalid.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise ValueError(f"not changeable: {sorted(unknown)}")
    stored = _locked(registration)
    if not stored.is_live:
        raise CannotChangeRegistration([_is_over()])
    changed = {name for name, value in changes.items() if name != "answers" and getattr(stored, name) != value}
    for name in changed:
        setattr(stored, name, changes[name])
    if "answers" in changes:
        questions = questions_of(stored.event)
        before = {answer.question.identifier: answer.value for answer in stored.answers.select_related("question")}
        after = {**{k: v for k, v in before.items() if k in {q.identifier for q in questions}}, **changes["answers"]}
        if problems := problems_with_answers(questions, after):
            raise CannotChangeRegistration(problems)
        if {k: v for k, v in after.items() if not is_empty(v)} != before:
            Answer.objects.filter(registration=stored, question__in=questions).delete()
            _write_answers(stored, questions, after)
            changed.add("answers")
    if not changed:
        return _taken_over(registration, stored)
    validate(stored, exclude=("event", "ticket_type", "person"), constraints=False)
    stored.revision += 1
    stored.search_text = stored.searchable()
    stored.save()
    audit.record(
        actor=actor,
        verb="registration_changed",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        fields=sorted(changed),
    )
    _tell(notices.CHANGED, stored, now)
    return _taken_over(registration, stored)


@transaction.atomic
def cancel_registration(
    *, registration: Registration, actor: User | None, now: datetime, reason: str = ""
) -> Registration:
    """Give the place back; the first in line who fits gets it in the same transaction. Repeating it changes nothing.

    Locks the event's quotas, then the row. Audit "registration_cancelled"; one message, and one to who got the place.
    """
    return _end(
        registration,
        RegistrationState.CANCELLED,
        notices.CANCELLED,
        "registration_cancelled",
        actor=actor,
        now=now,
        reason=reason,
    )


@transaction.atomic
def reject(*, registration: Registration, actor: User | None, now: datetime, reason: str = "") -> Registration:
    """The organizers say no; the place goes to the next in line. Raises CannotChangeRegistration unless it is pending."""
    return _end(
        registration,
        RegistrationState.REJECTED,
        notices.REJECTED,
        "registration_rejected",
        actor=actor,
        now=now,
        reason=reason,
    )


@transaction.atomic
def approve(*, registration: Registration, actor: User | None, now: datetime) -> Registration:
    """The organizers say yes; the place that was kept is given. Repeating it changes nothing.

    Locks the row. Raises CannotChangeRegistration unless it is pending.
    """
    stored = _locked(registration)
    if stored.state == RegistrationState.CONFIRMED:
        return _taken_over(registration, stored)
    if stored.state != RegistrationState.PENDING:
        raise CannotChangeRegistration([_not_pending()])
    _set_state(stored, RegistrationState.CONFIRMED, now)
    audit.record(actor=actor, verb="registration_approved", subject=stored, at=now, event_id=stored.event_id)
    _tell(notices.APPROVED, stored, now)
    return _taken_over(registration, stored)


def fill_free_places(*, event_id: int | None = None, now: datetime) -> int:
    """Serve the lines of one event, or of all: what the sweeper does each minute. Returns how many got a place.

    Places are given in the transaction that frees them, so there is something to do only after an accident; that is logged.
    """
    waiting = Registration.objects.filter(state=RegistrationState.WAITING, event__state=EventState.LIVE)
    if event_id is not None:
        waiting = waiting.filter(event=event_id)
    served = 0
    for pk in waiting.order_by("event").values_list("event", flat=True).distinct():
        with transaction.atomic():
            given = serve_line(event_id=pk, now=now)
        if given:
            log.warning("free_places_were_left", event=pk, given=len(given))
            served += len(given)
    return served


def lock_quotas(event_id: int) -> dict[int, Quota]:
    """All quotas of the event, in id order: whoever holds them is alone in giving places."""
    return {quota.pk: quota for quota in Quota.objects.select_for_update().filter(event=event_id).order_by("pk")}


def serve_line(*, event_id: int, now: datetime) -> list[Registration]:
    """Give free places to those in line: again and again to the first whose ticket has room in every quota.

    Belongs inside a transaction; locks the event's quotas. Somebody who waits for one full quota does not hold up those
    behind who need another.
    """
    quotas = lock_quotas(event_id)
    event = Event.objects.select_related("venue").get(pk=event_id)
    tickets = {
        ticket.pk: [quota.pk for quota in ticket.quotas.all()]
        for ticket in TicketType.objects.filter(event=event_id).prefetch_related("quotas")
    }
    given: list[Registration] = []
    while True:
        with_room = [pk for pk, needs in tickets.items() if needs and all(quotas[q].available > 0 for q in needs)]
        first = (
            Registration.objects.in_line()
            .filter(event=event_id, ticket_type__in=with_room)
            .select_related("ticket_type")
            .select_for_update(of=("self",))
            .first()
            if with_room
            else None
        )
        if first is None:
            return given
        first.event = event
        for pk in tickets[first.ticket_type_id]:
            quotas[pk].taken += 1
            quotas[pk].save(update_fields=["taken"])
        _set_state(first, _state_with_a_place(first.ticket_type), now)
        audit.record(actor=None, verb="place_given", subject=first, at=now, event_id=event_id, state=first.state)
        _tell(notices.PLACE_GIVEN if first.state == RegistrationState.CONFIRMED else notices.PENDING, first, now)
        given.append(first)


def questions_of(event: Event) -> list[Question]:
    """Those that are asked now, with their options, in order."""
    options = QuestionOption.objects.order_by("position", "pk")
    return list(
        Question.objects.filter(event=event, is_active=True)
        .prefetch_related(Prefetch("options", options))
        .order_by("position", "pk")
    )


# -- Places -------------------------------------------------------------------------------------------------------------


def _take_places(ticket_type: TicketType) -> bool:
    """One place of each quota, or none of any. By ids in order, so that two tickets sharing quotas cannot lock each other."""
    ids = list(ticket_type.quotas.order_by("pk").values_list("pk", flat=True))
    if not ids:
        return False
    taken: list[int] = []
    for pk in ids:
        if not Quota.objects.filter(pk=pk, taken__lt=F("size")).update(taken=F("taken") + 1):
            break
        taken.append(pk)
    else:
        return True
    Quota.objects.filter(pk__in=taken).update(taken=F("taken") - 1)
    # Full a moment ago. Whoever gives a place back holds these locks and serves the line before letting go, so after waiting
    # for them either there is room for us or we are in line when the next one looks.
    locked = list(Quota.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    if any(quota.available < 1 for quota in locked):
        return False
    Quota.objects.filter(pk__in=ids).update(taken=F("taken") + 1)
    return True


def _give_back(ticket_type_id: int, quotas: Mapping[int, Quota]) -> None:
    needs = Quota.objects.filter(ticket_types=ticket_type_id, pk__in=quotas.keys())
    Quota.objects.filter(pk__in=needs.values("pk")).update(taken=F("taken") - 1)


def _state_with_a_place(ticket_type: TicketType) -> RegistrationState:
    return RegistrationState.PENDING if ticket_type.requires_approval else RegistrationState.CONFIRMED


def _end(
    registration: Registration,
    state: RegistrationState,
    kind: NoticeKind,
    verb: str,
    *,
    actor: User | None,
    now: datetime,
    reason: str,
) -> Registration:
    quotas = lock_quotas(registration.event_id)
    stored = _locked(registration)
    if stored.state == state:
        return _taken_over(registration, stored)
    if state == RegistrationState.REJECTED and stored.state != RegistrationState.PENDING:
        raise CannotChangeRegistration([_not_pending()])
    if not stored.is_live:
        raise CannotChangeRegistration([_is_over()])
    if stored.state in HOLDS_A_PLACE:
        _give_back(stored.ticket_type_id, quotas)
    stored.cancelled_at = now
    _set_state(stored, state, now)
    audit.record(actor=actor, verb=verb, subject=stored, at=now, event_id=stored.event_id, reason=reason)
    ledger.withdraw(about=[notices.about(stored)], now=now)
    _tell(kind, stored, now, reason=reason)
    serve_line(event_id=stored.event_id, now=now)
    return _taken_over(registration, stored)


# -- Rows ---------------------------------------------------------------------------------------------------------------


def _claimed(event: Event, form_token: str, now: datetime) -> Registration | None:
    first = idempotency.claim(caller=_form(event), key=form_token, now=now)
    return Registration.objects.get(pk=first.body["registration"]) if first and first.body else None


def _form(event: Event) -> str:
    return f"form:{event.pk}"


def _locked(registration: Registration) -> Registration:
    return (
        Registration.objects.select_for_update(of=("self",))
        .select_related("event__venue", "ticket_type")
        .get(pk=registration.pk)
    )


def _taken_over(registration: Registration, stored: Registration) -> Registration:
    for name in ("state", "revision", "cancelled_at", "state_changed_at", *(CHANGEABLE - {"answers"})):
        setattr(registration, name, getattr(stored, name))
    return registration


def _set_state(registration: Registration, state: RegistrationState, now: datetime) -> None:
    registration.state = state
    registration.state_changed_at = now
    registration.revision += 1
    registration.save(update_fields=["state", "state_changed_at", "cancelled_at", "revision"])


def _write_answers(registration: Registration, questions: Iterable[Question], answers: Mapping[str, Any]) -> None:
    Answer.objects.bulk_create(
        Answer(registration=registration, question=question, value=answers[question.identifier])
        for question in questions
        if not is_empty(answers.get(question.identifier))
    )


def _tell(kind: NoticeKind, registration: Registration, now: datetime, *, reason: str = "") -> None:
    ledger.notify(kind=kind, notice=notices.notice(kind, registration, reason=reason), now=now)


def _is_over() -> Problem:
    return Problem(
        code="registration_is_over",
        message=_("This registration is cancelled."),
        fix=_("Register again, as long as there are places."),
    )


def _not_pending() -> Problem:
    return Problem(
        code="not_pending",
        message=_("This registration does not wait for approval."),
        fix=_("Cancel it instead, if it should not stand."),
    )


def places_held(ticket_types: Iterable[TicketType]) -> int:
    """How many registrations hold a place of one of these tickets."""
    return Registration.objects.filter(Q(ticket_type__in=list(ticket_types)), state__in=HOLDS_A_PLACE).count()
