"""The line: who gets a place that becomes free, and what ends by itself. Source: docs/explanation/places-and-waiting-list.md

One engine for tickets and products. Everybody who waits has a turn, one tuple: when they asked, the row of the registration,
the row of the product's line (0 for the ticket). Whoever's turn is earliest and who fits gets a place.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Q

from common import audit
from events.models import Event
from notifications.services import ledger
from registrations import notices
from registrations.models import (
    HAS_ITS_PLACE,
    LineItem,
    LineState,
    Product,
    Quota,
    Registration,
    RegistrationState,
    TicketType,
)
from registrations.services.charges import charged, confirm_paid, enter, write_charges
from registrations.services.quotas import Counting, count_in, fits, give_back, lock_quotas
from registrations.services.telling import tell_of_lines, tell_of_states

log = structlog.get_logger(__name__)

#: (instant asked, registration's row, line's row or 0).
Turn = tuple[datetime, int, int]

#: What somebody is told who waited.
_TOLD: Final = {
    RegistrationState.CONFIRMED: notices.PLACE_GIVEN,
    RegistrationState.PENDING: notices.PENDING,
    RegistrationState.AWAITING_PAYMENT: notices.PAYMENT_REQUESTED,
    RegistrationState.OFFERED: notices.PLACE_OFFERED,
}


@dataclass(order=True)
class _Claim:
    """Of a registration or a group for tickets, or of one line for products."""

    turn: Turn
    registrations: list[Registration] = field(compare=False, default_factory=list)
    line: LineItem | None = field(compare=False, default=None)


@dataclass
class _Given:
    registrations: list[Registration] = field(default_factory=list)
    lines: list[LineItem] = field(default_factory=list)


def serve_line(*, event_id: int, now: datetime, placed: Collection[int] = ()) -> int:
    """Give, or offer, free places to those in line, in the order of their turns, as long as somebody fits. Returns to how
    many.

    Belongs inside a transaction; locks the event's quotas, then the rows of those who get something. A group that needs more
    places than are free, and somebody who waits for one full quota, keep their turn and do not hold up those behind. Nobody is
    given a place at an event that is over. `placed`: registrations that have just got their place; their products are theirs
    without asking again, and the caller tells them. Audit "place_given", "place_offered", "product_given", "product_offered"
    and one message each; the number of queries does not depend on how many are served (a thousand at a time).
    """
    quotas = lock_quotas(event_id)
    if not any(quota.available > 0 for quota in quotas.values()):
        return 0
    event = Event.objects.select_related("venue").get(pk=event_id)
    if event.is_over(now):
        return 0
    given = _allot(event, quotas, now, set(placed))
    if given.registrations or given.lines:
        Quota.objects.bulk_update(quotas.values(), ["taken"])
        _write(event, given, now, set(placed))
    return len(given.registrations) + len(given.lines)


def _allot(event: Event, quotas: Mapping[int, Quota], now: datetime, placed: set[int]) -> _Given:
    """Decide in memory; counts places in `quotas`, which the caller has locked and writes."""
    tickets = TicketType.objects.filter(event=event).prefetch_related("quotas")
    products = Product.objects.filter(event=event).prefetch_related("quotas")
    counting = Counting(
        {ticket.pk: tuple(quota.pk for quota in ticket.quotas.all()) for ticket in tickets},
        {product.pk: tuple(quota.pk for quota in product.quotas.all()) for product in products},
    )
    given = _Given()
    placed = set(placed)
    later: list[_Claim] = []
    for claims, horizon in _batches(event, counting, quotas):
        for claim in claims:
            heapq.heappush(later, claim)
        while later and (horizon is None or later[0].turn <= horizon):
            claim = heapq.heappop(later)
            needed = counting.needs(
                [registration.ticket_type_id for registration in claim.registrations],
                [claim.line] if claim.line else [],
            )
            if not fits(needed, quotas):
                continue
            count_in(needed, quotas)
            if claim.line:
                claim.line.offer_expires_at = (
                    None if claim.line.registration_id in placed else claim.line.product.offer_ends(event, now)
                )
                given.lines.append(claim.line)
            for registration in claim.registrations:
                registration.event = event
                registration.offer_expires_at = registration.ticket_type.offer_ends(event, now)
                given.registrations.append(registration)
                if registration.offer_expires_at is None:
                    # From here on its products are in line, too.
                    placed.add(registration.pk)
                    for follower in _claims_of_products(registration):
                        heapq.heappush(later, follower)
    return given


def _batches(
    event: Event, counting: Counting, quotas: Mapping[int, Quota]
) -> Iterator[tuple[list[_Claim], Turn | None]]:
    """Those in line who need what has room now, more at a time each time; with the turn up to which nobody is missing, None
    for all. Places only become fewer meanwhile, so nobody is looked at twice."""
    after: Turn | None = None
    size = max(16, min(1000, sum(quota.available for quota in quotas.values())))
    while True:

        def with_room(things: Mapping[int, Iterable[int]]) -> list[int]:
            return [pk for pk, ids in things.items() if ids and all(quotas[quota].available > 0 for quota in ids)]

        tickets, products = with_room(counting.tickets), with_room(counting.products)
        if not tickets and not products:
            return
        registrations = _registrations_in_line(event, tickets, after, size) if tickets else []
        lines = _lines_in_line(event, products, after, size) if products else []
        claims = [*_claims_of_registrations(registrations, after), *_claims_of_lines(lines)]
        ends = [
            *([_turn(registrations[-1])] if len(registrations) == size else []),
            *([_turn_of_line(lines[-1])] if len(lines) == size else []),
        ]
        horizon = min(ends, default=None)
        yield [claim for claim in claims if horizon is None or claim.turn <= horizon], horizon
        if horizon is None:
            return
        after = horizon
        size = min(1000, size * 4)


def _turn(registration: Registration) -> Turn:
    return registration.registered_at, registration.pk, 0


def _turn_of_line(line: LineItem) -> Turn:
    return line.asked_at, line.registration_id, line.pk


def _registrations_in_line(event: Event, tickets: Sequence[int], after: Turn | None, size: int) -> list[Registration]:
    line = Registration.objects.in_line().filter(event=event, ticket_type__in=tickets)
    if after:
        line = line.filter(Q(registered_at__gt=after[0]) | Q(registered_at=after[0], pk__gt=after[1]))
    return list(line.select_related("ticket_type").select_for_update(of=("self",))[:size])


def _lines_in_line(event: Event, products: Sequence[int], after: Turn | None, size: int) -> list[LineItem]:
    line = LineItem.objects.filter(
        state=LineState.WAITING, product__in=products, registration__event=event, registration__state__in=HAS_ITS_PLACE
    )
    if after:
        line = line.filter(
            Q(asked_at__gt=after[0])
            | Q(asked_at=after[0], registration__gt=after[1])
            | Q(asked_at=after[0], registration=after[1], pk__gt=after[2])
        )
    found = line.select_related("product", "registration__ticket_type").order_by("asked_at", "registration", "pk")
    # The registration's row is locked with it: what it owes changes.
    return list(found.select_for_update(of=("registration",))[:size])


def _claims_of_registrations(registrations: Sequence[Registration], after: Turn | None) -> list[_Claim]:
    """A group claims once, for all of its members who wait, at the turn of its first."""
    groups: dict[int, list[Registration]] = defaultdict(list)
    if ids := {registration.group_id for registration in registrations if registration.group_id}:
        members = Registration.objects.in_line().filter(group__in=ids).select_related("ticket_type")
        for member in members.select_for_update(of=("self",)):
            groups[member.group_id or 0].append(member)
    found: dict[tuple[str, int], _Claim] = {}
    for registration in registrations:
        if not registration.group_id:
            found["registration", registration.pk] = _Claim(_turn(registration), [registration])
        elif after is None or _turn(groups[registration.group_id][0]) > after:
            group = groups[registration.group_id]
            found["group", registration.group_id] = _Claim(_turn(group[0]), group)
    claims = list(found.values())
    everybody = [registration for claim in claims for registration in claim.registrations]
    waiting: dict[int, list[LineItem]] = defaultdict(list)
    if everybody:
        for line in LineItem.objects.filter(registration__in=everybody, state=LineState.WAITING).select_related(
            "product"
        ):
            waiting[line.registration_id].append(line)
    for registration in everybody:
        registration.waiting_lines = waiting[registration.pk]  # type: ignore[attr-defined]
    return claims


def _claims_of_lines(lines: Iterable[LineItem]) -> list[_Claim]:
    return [_Claim(_turn_of_line(line), line=line) for line in lines]


def _claims_of_products(registration: Registration) -> list[_Claim]:
    lines: list[LineItem] = registration.waiting_lines  # type: ignore[attr-defined]
    for line in lines:
        line.registration = registration
    return _claims_of_lines(lines)


def _write(event: Event, given: _Given, now: datetime, placed: set[int]) -> None:
    """Rows, audit and messages of what was decided."""
    changed: dict[int, tuple[Registration, Decimal]] = {}

    def changes(registration: Registration) -> Registration:
        """One object for one row, with what was charged before."""
        return changed.setdefault(registration.pk, (registration, charged(registration)))[0]

    for registration in given.registrations:
        changes(registration)
    for line in given.lines:
        line.registration = changes(line.registration)
        line.registration.event = event
        line.state = LineState.OFFERED if line.offer_expires_at else LineState.HELD
        line.state_changed_at = now
        if line.state == LineState.HELD:
            line.registration.amount += line.total
    for registration in given.registrations:
        if registration.offer_expires_at:
            registration.state = RegistrationState.OFFERED
            registration.state_changed_at = now
        else:
            enter(registration, now)
    everybody = [registration for registration, _before in changed.values()]
    write_charges(changed.values(), now)
    confirm_paid(everybody, now)
    for registration in everybody:
        registration.revision += 1
    fields = ["state", "state_changed_at", "offer_expires_at", "payment_due_at", "amount", "revision"]
    Registration.objects.bulk_update(everybody, fields, batch_size=1000)
    LineItem.objects.bulk_update(given.lines, ["state", "state_changed_at", "offer_expires_at"], batch_size=1000)
    _tell(event, given, now, placed)


def _tell(event: Event, given: _Given, now: datetime, placed: set[int]) -> None:
    lines_of: dict[int, list[LineItem]] = defaultdict(list)
    for line in given.lines:
        lines_of[line.registration_id].append(line)
    offered = [registration for registration in given.registrations if registration.offer_expires_at]
    for verb, subjects in (
        ("place_given", [registration for registration in given.registrations if not registration.offer_expires_at]),
        ("place_offered", offered),
    ):
        if subjects:
            audit.record_many(actor=None, verb=verb, subjects=subjects, at=now, event_id=event.pk)
    for state, verb in ((LineState.HELD, "product_given"), (LineState.OFFERED, "product_offered")):
        for product, lines in _by_product(line for line in given.lines if line.state == state).items():
            audit.record_many(
                actor=None,
                verb=verb,
                subjects=[line.registration for line in lines],
                at=now,
                event_id=event.pk,
                product=str(product.name),
            )
    tell_of_states(given.registrations, _TOLD, lines_of, now)
    # Whose place is new reads of it in the same mail.
    told = placed | {registration.pk for registration in given.registrations}
    others = [line for line in given.lines if line.registration_id not in told]
    tell_of_lines(notices.PRODUCT_GIVEN, (line for line in others if line.state == LineState.HELD), now)
    tell_of_lines(notices.PRODUCT_OFFERED, (line for line in others if line.state == LineState.OFFERED), now)


def _by_product(lines: Iterable[LineItem]) -> dict[Product, list[LineItem]]:
    found: dict[Product, list[LineItem]] = defaultdict(list)
    for line in lines:
        found[line.product].append(line)
    return found


# -- What ends ----------------------------------------------------------------------------------------------------------


def end_all(
    registrations: Sequence[Registration],
    state: RegistrationState,
    *,
    quotas: Mapping[int, Quota],
    now: datetime,
) -> None:
    """Give back all that these hold, tickets and products, and write that they are over. What was charged is charged no more,
    and mails that are still queued about them are withdrawn.

    Belongs inside a transaction that has locked `quotas`, all of the event, and these rows; audit, messages and the line are
    the caller's. A constant number of queries.
    """
    if not registrations:
        return
    lines = list(LineItem.objects.wanted().filter(registration__in=registrations))
    give_back(registrations, lines, quotas)
    before = [(registration, charged(registration)) for registration in registrations]
    for line in lines:
        line.state = LineState.EXPIRED if state == RegistrationState.EXPIRED else LineState.CANCELLED
        line.state_changed_at = now
        line.offer_expires_at = None
    LineItem.objects.bulk_update(lines, ["state", "state_changed_at", "offer_expires_at"], batch_size=1000)
    for registration in registrations:
        registration.state = state
        registration.state_changed_at = registration.cancelled_at = now
        registration.offer_expires_at = registration.payment_due_at = None
        registration.revision += 1
    fields = ["state", "state_changed_at", "cancelled_at", "offer_expires_at", "payment_due_at", "revision"]
    Registration.objects.bulk_update(registrations, fields, batch_size=1000)
    write_charges(before, now)
    ledger.withdraw(about=[notices.about(registration) for registration in registrations], now=now)


def is_overdue(registration: Registration, now: datetime) -> bool:
    """Whether something of it is to end now: two queries."""
    return (
        Registration.objects.overdue(now).filter(pk=registration.pk).exists()
        or LineItem.objects.overdue(now).filter(registration=registration.pk).exists()
    )


def expire_overdue(*, event_id: int | None = None, now: datetime) -> int:
    """End offers that nobody accepted and places that nobody paid, and give them to the next in line, event by event: what the
    sweeper does each minute. Returns how many ended. Two at once end each one once."""
    registrations, lines = Registration.objects.overdue(now), LineItem.objects.overdue(now)
    if event_id is not None:
        registrations, lines = registrations.filter(event=event_id), lines.filter(registration__event=event_id)
    ids = {*registrations.values_list("event", flat=True), *lines.values_list("registration__event", flat=True)}
    return sum(_expire(pk, now) for pk in sorted(ids))


@transaction.atomic
def _expire(event_id: int, now: datetime) -> int:
    """Locks the event's quotas, then the rows. Audit "offer_expired", "payment_expired", "product_offer_expired"; one message
    each."""
    quotas = lock_quotas(event_id)
    overdue = Registration.objects.overdue(now).filter(event=event_id).select_related("event__venue", "ticket_type")
    registrations = list(overdue.order_by("pk").select_for_update(of=("self",)))
    unpaid = [r for r in registrations if r.state == RegistrationState.AWAITING_PAYMENT]
    unanswered = [r for r in registrations if r.state == RegistrationState.OFFERED]
    end_all(registrations, RegistrationState.EXPIRED, quotas=quotas, now=now)
    lines = _end_offered_lines(event_id, quotas, now)
    for kind, verb, ended in (
        (notices.PAYMENT_EXPIRED, "payment_expired", unpaid),
        (notices.OFFER_EXPIRED, "offer_expired", unanswered),
        (notices.PRODUCT_OFFER_EXPIRED, "product_offer_expired", [line.registration for line in lines]),
    ):
        if ended:
            audit.record_many(actor=None, verb=verb, subjects=ended, at=now, event_id=event_id)
        if kind is not notices.PRODUCT_OFFER_EXPIRED and ended:
            ledger.notify_many(kind=kind, notices=[notices.notice(kind, r) for r in ended], now=now)
    tell_of_lines(notices.PRODUCT_OFFER_EXPIRED, lines, now)
    serve_line(event_id=event_id, now=now)
    return len(registrations) + len(lines)


def _end_offered_lines(event_id: int, quotas: Mapping[int, Quota], now: datetime) -> list[LineItem]:
    overdue = LineItem.objects.overdue(now).filter(registration__event=event_id)
    lines = list(
        overdue.select_related("product", "registration__event__venue", "registration__ticket_type")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    give_back([], lines, quotas)
    for line in lines:
        line.state = LineState.EXPIRED
        line.state_changed_at = now
        line.offer_expires_at = None
    LineItem.objects.bulk_update(lines, ["state", "state_changed_at", "offer_expires_at"], batch_size=1000)
    return lines


# -- The sweeper --------------------------------------------------------------------------------------------------------


def fill_free_places(*, event_id: int | None = None, now: datetime) -> int:
    """Serve the lines of one event, or of all that are not over: what the sweeper does each minute, after `expire_overdue`.
    Returns how many got a place.

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
    waiting = Registration.objects.filter(state=RegistrationState.WAITING, event__in=quotas.values("event"))
    lines = LineItem.objects.filter(
        state=LineState.WAITING, registration__state__in=HAS_ITS_PLACE, registration__event__in=quotas.values("event")
    )
    ids = {
        *waiting.values_list("event", flat=True).distinct(),
        *lines.values_list("registration__event", flat=True).distinct(),
    }
    served = 0
    for pk in sorted(ids):
        with transaction.atomic():
            given = serve_line(event_id=pk, now=now)
        if given:
            log.warning("free_places_were_left", event_id=pk, given=given)
            served += given
    return served


def _recount(event_id: int) -> None:
    lock_quotas(event_id)
    quota: Any
    for quota in Quota.objects.filter(event=event_id).miscounted():
        log.error("quota_was_miscounted", quota=quota.pk, event_id=event_id, counted=quota.taken, held=quota.held)
        Quota.objects.filter(pk=quota.pk).update(taken=min(quota.held, quota.size))
