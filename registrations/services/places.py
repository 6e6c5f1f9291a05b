"""Giving places, and taking them back. Source: docs/explanation/places-and-waiting-list.md

Locks are taken in one order everywhere: quotas by id, then registrations. Only whoever may have to serve the line locks the
quotas of the event; a newcomer who finds a place updates a counter and no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import Institution, User
from accounts.names import has_part, order_of
from accounts.services.people import find_or_create_person
from common import audit, idempotency
from common.problems import Problem, Refusal
from common.text import email_key
from events.models import Event, Permission
from events.policies import may
from events.services.texts import validate
from notifications.notices import NoticeKind
from notifications.services import ledger
from registrations import notices
from registrations.models import (
    HOLDS_A_PLACE,
    Quota,
    Registration,
    RegistrationState,
    TicketType,
)
from registrations.problems import (
    already_registered,
    event_is_over,
    problems_with_time,
    sold_out,
)
from registrations.services.answers import check_answers, questions_of, replace_answers, write_answers

log = structlog.get_logger(__name__)

#: What their owner, or the organizer, may change of a registration.
CHANGEABLE: Final = frozenset(
    {"name", "native_name", "family_name", "affiliation", "institution", "country", "language", "answers"}
)
#: A code that is taken already comes up once in millions; then another is drawn.
_TRIES: Final = 3


class CannotRegister(Refusal):
    """Codes of `registrations.problems`, `sold_out` and `already_registered` among them."""


class CannotChangeRegistration(Refusal):
    """Codes `registration_is_over`, `event_is_over`, `not_pending`, `sold_out`, and those of answers."""


class _QuotasChanged(Exception):
    """The ticket counts in other quotas than a moment ago."""


def register(
    *,
    event: Event,
    ticket_type: TicketType,
    name: str,
    email: str,
    language: str,
    answers: Mapping[str, Any],
    native_name: str = "",
    family_name: str = "",
    affiliation: str = "",
    institution: Institution | None = None,
    country: str = "",
    form_token: str = "",
    actor: User | None,
    now: datetime,
) -> Registration:
    """Give the person a place or, where there is none and the ticket has a waiting list, the next place in line.

    One conditional UPDATE per quota, in id order; the quotas are locked only where one was full. Writes the registration, its
    answers, audit "registered" and one message. Repeating it with the same `form_token` and address returns the first
    registration. An organizer may register somebody before it opens and after it closes, but gets no more places than there
    are. Raises CannotRegister, Invalid. One live registration per address and event is a unique constraint, which two
    requests at once run into.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                if form_token and (first := _claimed(event, form_token, email, now)):
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
                        family_name=family_name,
                        affiliation=affiliation,
                        institution=institution,
                        country=country,
                        amount=ticket_type.price,
                        currency=event.currency,
                        registered_at=now,
                        state_changed_at=now,
                    ),
                    answers=answers,
                    actor=actor,
                    # Once it ran into a change of the ticket's quotas it keeps out further ones.
                    alone=attempt > 0,
                )
                if form_token:
                    idempotency.settle(
                        caller=_form(event),
                        key=_sending(form_token, email),
                        status=201,
                        body={"registration": registration.pk},
                    )
                return registration
        except IntegrityError as error:
            if "one_live_per_person" in str(error):
                raise CannotRegister([already_registered()]) from error
            # A question that is deleted meanwhile is not asked at the next try.
            may_go = any(name in str(error) for name in ("code_once_per_event", '"registrations_answer"'))
            if not may_go or attempt == _TRIES - 1:
                raise
        except _QuotasChanged:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _register(
    registration: Registration, *, answers: Mapping[str, Any], actor: User | None, alone: bool
) -> Registration:
    event, ticket_type, now = registration.event, registration.ticket_type, registration.registered_at
    questions = questions_of(event)
    read = check_answers(
        questions=questions, answers=answers, ticket_type=ticket_type, country=str(registration.country)
    )
    problems = [*problems_with_time(event, ticket_type, now), *read.problems]
    if problems and _organizes(actor, event):
        problems = [
            problem for problem in problems if problem.code not in {"registration_not_open", "registration_closed"}
        ]
    if problems:
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
        family_name=registration.family_name,
        name_order=order_of(registration.name, registration.family_name),
        affiliation=registration.affiliation,
        institution=registration.institution,
        country=registration.country,
    )
    if not _take_places(ticket_type, alone=alone):
        if not ticket_type.waiting_list:
            raise CannotRegister([sold_out(ticket_type)])
        registration.state = RegistrationState.WAITING
    else:
        registration.state = _state_with_a_place(ticket_type)
    registration.save(force_insert=True)
    write_answers(registration, questions=questions, values=read.values, now=now)
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
    if problems := _problems_with_changing(stored, actor, now):
        raise CannotChangeRegistration(problems)
    changed = {name for name, value in changes.items() if name != "answers" and getattr(stored, name) != value}
    for name in changed:
        setattr(stored, name, changes[name])
    if not has_part(stored.name, stored.family_name) and "family_name" not in changes:
        stored.family_name = ""
    if "answers" in changes:
        is_changed, problems = replace_answers(
            stored, questions=questions_of(stored.event), changes=changes["answers"], now=now
        )
        if problems:
            raise CannotChangeRegistration(problems)
        if is_changed:
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
def move_to_ticket(
    *, registration: Registration, ticket_type: TicketType, actor: User | None, now: datetime
) -> Registration:
    """Another ticket of the event. Who holds a place keeps one, or the move is refused; who waits keeps their turn in the
    other line.

    Locks the event's quotas, then the row. Audit "registration_moved"; one message, and one to each who gets a place by it.
    Raises CannotChangeRegistration (`sold_out`, `ticket_not_of_event`, `registration_is_over`). Repeating it changes nothing.
    """
    quotas = lock_quotas(registration.event_id)
    stored = _locked(registration)
    if ticket_type.event_id != stored.event_id:
        raise CannotChangeRegistration(problems_with_time(stored.event, ticket_type, now))
    if not stored.is_live:
        raise CannotChangeRegistration([_is_over()])
    old = stored.ticket_type
    if old.pk == ticket_type.pk:
        return _taken_over(registration, stored)
    if stored.state in HOLDS_A_PLACE:
        before, after = set(_quota_ids(old)), set(_quota_ids(ticket_type))
        if any(quotas[pk].available < 1 for pk in after - before):
            raise CannotChangeRegistration([sold_out(ticket_type)])
        Quota.objects.filter(pk__in=before - after).update(taken=F("taken") - 1)
        Quota.objects.filter(pk__in=after - before).update(taken=F("taken") + 1)
    stored.ticket_type = ticket_type
    stored.revision += 1
    stored.save(update_fields=["ticket_type", "revision"])
    audit.record(
        actor=actor,
        verb="registration_moved",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        old=str(old.name),
        new=str(ticket_type.name),
    )
    _tell(notices.CHANGED, stored, now)
    serve_line(event_id=stored.event_id, now=now)
    registration.ticket_type = ticket_type
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
    """Serve the lines of one event, or of all that are not over: what the sweeper does each minute. Returns how many got a
    place.

    Places are given in the transaction that frees them, so there is something to do only after an accident; that is logged,
    and so are counters that are not what they count, which are put right.
    """
    # A day more than any zone is away from another.
    quotas = Quota.objects.filter(event__ends_on__gte=(now - timedelta(days=1)).date())
    if event_id is not None:
        quotas = quotas.filter(event=event_id)
    for pk in quotas.miscounted().order_by("event").values_list("event", flat=True).distinct():
        with transaction.atomic():
            _recount(pk)
    lines = Registration.objects.filter(state=RegistrationState.WAITING, event__in=quotas.values("event"))
    served = 0
    for pk in lines.order_by("event").values_list("event", flat=True).distinct():
        with transaction.atomic():
            given = serve_line(event_id=pk, now=now)
        if given:
            log.warning("free_places_were_left", event=pk, given=len(given))
            served += len(given)
    return served


def _recount(event_id: int) -> None:
    lock_quotas(event_id)
    quota: Any
    for quota in Quota.objects.filter(event=event_id).miscounted():
        log.error("quota_was_miscounted", quota=quota.pk, event=event_id, counted=quota.taken, held=quota.held)
        Quota.objects.filter(pk=quota.pk).update(taken=min(quota.held, quota.size))


def lock_quotas(event_id: int) -> dict[int, Quota]:
    """All quotas of the event, in id order: whoever holds them is alone in giving places."""
    return {
        quota.pk: quota for quota in Quota.objects.select_for_update(no_key=True).filter(event=event_id).order_by("pk")
    }


def serve_line(*, event_id: int, now: datetime) -> list[Registration]:
    """Give free places to those in line: to the first whose ticket has room in every quota, again and again.

    Belongs inside a transaction; locks the event's quotas, then the rows of those who get a place. Somebody who waits for one
    full quota does not hold up those behind who need another. Nobody is given a place at an event that is over. Audit
    "place_given" and one message each; a constant number of queries, however many are served.
    """
    quotas = lock_quotas(event_id)
    if not any(quota.available > 0 for quota in quotas.values()):
        return []
    event = Event.objects.select_related("venue").get(pk=event_id)
    if event.is_over(now):
        return []
    given = _next_in_line(event, quotas)
    if not given:
        return []
    for registration in given:
        registration.event = event
        registration.state = _state_with_a_place(registration.ticket_type)
        registration.state_changed_at = now
        registration.revision += 1
    Registration.objects.bulk_update(given, ["state", "state_changed_at", "revision"], batch_size=1000)
    Quota.objects.bulk_update(quotas.values(), ["taken"])
    audit.record_many(actor=None, verb="place_given", subjects=given, at=now, event_id=event_id)
    for kind, state in (
        (notices.PLACE_GIVEN, RegistrationState.CONFIRMED),
        (notices.PENDING, RegistrationState.PENDING),
    ):
        told = [notices.notice(kind, registration) for registration in given if registration.state == state]
        if told:
            ledger.notify_many(kind=kind, notices=told, now=now)
    return given


def _next_in_line(event: Event, quotas: Mapping[int, Quota]) -> list[Registration]:
    """Those whose turn it is, in order; counts their places in `quotas`, which the caller has locked and writes."""
    tickets = {
        ticket.pk: [quota.pk for quota in ticket.quotas.all()]
        for ticket in TicketType.objects.filter(event=event).prefetch_related("quotas")
    }

    def has_room(ticket: int) -> bool:
        return bool(tickets[ticket]) and all(quotas[pk].available > 0 for pk in tickets[ticket])

    given: list[Registration] = []
    while with_room := [ticket for ticket in tickets if has_room(ticket)]:
        line = list(
            Registration.objects.in_line()
            .filter(event=event, ticket_type__in=with_room)
            .exclude(pk__in=[registration.pk for registration in given])
            .select_related("ticket_type")
            .select_for_update(of=("self",))[: min(1000, sum(max(0, quota.available) for quota in quotas.values()))]
        )
        if not line:
            break
        # The first always gets a place; one further back may find that those before took the last.
        for registration in line:
            if has_room(registration.ticket_type_id):
                for pk in tickets[registration.ticket_type_id]:
                    quotas[pk].taken += 1
                given.append(registration)
    return given


# -- Places -------------------------------------------------------------------------------------------------------------


def _take_places(ticket_type: TicketType, *, alone: bool) -> bool:
    """One place of each quota, or none of any. `alone`: with all quotas of the event locked, so that nobody can give the ticket
    others meanwhile; otherwise raises _QuotasChanged if somebody did."""
    if alone:
        lock_quotas(ticket_type.event_id)
    ids = _quota_ids(ticket_type)
    has_places = _take(ids) if ids else False
    # Whoever gives the ticket other quotas needs the lock that we have now on those it counted in: what we read before is
    # either still so, or was changed while we waited.
    if _quota_ids(ticket_type) != ids:
        raise _QuotasChanged
    return has_places


def _quota_ids(ticket_type: TicketType) -> list[int]:
    return list(ticket_type.quotas.order_by("pk").values_list("pk", flat=True))


def _take(ids: list[int]) -> bool:
    """By ids in order, so that two tickets sharing quotas cannot lock each other."""
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
    locked = list(Quota.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    if any(quota.available < 1 for quota in locked):
        return False
    Quota.objects.filter(pk__in=ids).update(taken=F("taken") + 1)
    return True


def _give_back(ticket_type_id: int, quotas: Mapping[int, Quota]) -> None:
    """`quotas`: all of the event, locked."""
    Quota.objects.filter(ticket_types=ticket_type_id, pk__in=quotas.keys()).update(taken=F("taken") - 1)


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
    if problems := _problems_with_changing(stored, actor, now):
        raise CannotChangeRegistration(problems)
    was_invited = stored.state == RegistrationState.CONFIRMED
    if stored.state in HOLDS_A_PLACE:
        _give_back(stored.ticket_type_id, quotas)
    stored.cancelled_at = now
    _set_state(stored, state, now)
    audit.record(actor=actor, verb=verb, subject=stored, at=now, event_id=stored.event_id, reason=reason)
    ledger.withdraw(about=[notices.about(stored)], now=now)
    _tell(kind, stored, now, reason=reason, was_invited=was_invited)
    serve_line(event_id=stored.event_id, now=now)
    return _taken_over(registration, stored)


# -- Rows ---------------------------------------------------------------------------------------------------------------


def _claimed(event: Event, form_token: str, email: str, now: datetime) -> Registration | None:
    first = idempotency.claim(caller=_form(event), key=_sending(form_token, email), now=now)
    if first is None or not first.body:
        return None
    return Registration.objects.select_related("event", "ticket_type").get(pk=first.body["registration"])


def _sending(form_token: str, email: str) -> str:
    """The same form, sent by the same person: the browser's back button may bring a form back for a colleague to fill in."""
    return hashlib.sha256(f"{form_token}\0{email_key(email)}".encode()).hexdigest()


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


def _tell(
    kind: NoticeKind, registration: Registration, now: datetime, *, reason: str = "", was_invited: bool = False
) -> None:
    notice = notices.notice(kind, registration, reason=reason, was_invited=was_invited)
    ledger.notify(kind=kind, notice=notice, now=now)


def _organizes(actor: User | None, event: Event) -> bool:
    return actor is not None and may(actor, Permission.MANAGE_REGISTRATIONS, event)


def _problems_with_changing(registration: Registration, actor: User | None, now: datetime) -> list[Problem]:
    if not registration.is_live:
        return [_is_over()]
    if registration.event.is_over(now) and not _organizes(actor, registration.event):
        return [event_is_over()]
    return []


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
    return Registration.objects.filter(ticket_type__in=list(ticket_types), state__in=HOLDS_A_PLACE).count()
