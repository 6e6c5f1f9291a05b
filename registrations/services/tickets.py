"""Quotas and ticket types. Whatever can free a place serves the line in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Invalid, Problem, Refusal
from events.models import Event
from events.services.texts import assign, locked, take_over, validate
from registrations.models import HOLDS_A_PLACE, IS_KEPT, LineItem, Quota, Registration, TicketType
from registrations.problems import quota_below_taken, sold_out
from registrations.services.promotion import serve_line
from registrations.services.questions import forget_ticket
from registrations.services.quotas import lock_quotas, places_held, recount

#: How many people are named who would have to go.
_NAMED: Final = 10


class CannotChangeTickets(Refusal):
    """Codes `quota_below_taken`, `quota_in_use`, `ticket_type_in_use`, `product_in_use`, `sold_out`."""


@transaction.atomic
def create_quota(*, event: Event, name: str, size: int, actor: User | None, now: datetime) -> Quota:
    """Audit "quota_created". Raises Invalid."""
    quota = Quota(event=event, name=name, size=size)
    validate(quota)
    quota.save()
    audit.record(actor=actor, verb="quota_created", subject=quota, at=now, event_id=event.pk, size=size)
    return quota


@transaction.atomic
def resize_quota(
    *, quota: Quota, actor: User | None, now: datetime, size: int | None = None, name: str | None = None
) -> Quota:
    """More places go to those in line at once; fewer than are taken is refused, with who came last.

    Locks the event's quotas. Audit "quota_changed". Raises CannotChangeTickets (`quota_below_taken`), Invalid.
    """
    stored = lock_quotas(quota.event_id)[quota.pk]
    wanted: dict[str, Any] = {
        "name": stored.name if name is None else name,
        "size": stored.size if size is None else size,
    }
    if wanted["size"] < stored.taken:
        raise CannotChangeTickets([quota_below_taken(stored.taken, _last_in(stored, stored.taken - wanted["size"]))])
    if assign(stored, wanted, ""):
        validate(stored)
        stored.save(update_fields=["name", "size"])
        audit.record(actor=actor, verb="quota_changed", subject=stored, at=now, event_id=stored.event_id, **wanted)
        serve_line(event_id=stored.event_id, now=now)
        stored.refresh_from_db()
    return take_over(quota, stored, ["name", "size", "taken"])


def _last_in(quota: Quota, count: int) -> list[str]:
    """Names of those who hold its last `count` places, who came last first; a few of them."""
    tickets = Registration.objects.filter(ticket_type__quotas=quota, state__in=HOLDS_A_PLACE)
    lines = LineItem.objects.filter(product__quotas=quota, state__in=IS_KEPT).select_related("registration")
    shown = min(count, _NAMED)
    claims = [
        *((r.registered_at, r.pk, r.name) for r in tickets.order_by("-registered_at", "-pk")[:shown]),
        *((line.asked_at, line.pk, line.registration.name) for line in lines.order_by("-asked_at", "-pk")[:shown]),
    ]
    names = [name for _at, _pk, name in sorted(claims, reverse=True)[:shown]]
    return [*names, "…"] if count > shown else names


@transaction.atomic
def delete_quota(*, quota: Quota, actor: User | None, now: datetime) -> None:
    """Audit "quota_deleted". Raises CannotChangeTickets while a ticket or a product counts in it."""
    stored = locked(quota)
    message = None
    if stored.ticket_types.exists():
        message = _("Tickets count in “%(name)s”.") % {"name": quota.name}
    elif stored.products.exists():
        message = _("Products count in “%(name)s”.") % {"name": quota.name}
    if message:
        problem = Problem(code="quota_in_use", message=message, fix=_("Let them count in another quota first."))
        raise CannotChangeTickets([problem])
    audit.record(actor=actor, verb="quota_deleted", subject=stored, at=now, event_id=stored.event_id)
    stored.delete()


@transaction.atomic
def create_ticket_type(
    *,
    event: Event,
    name: Localized,
    quotas: Sequence[Quota],
    actor: User | None,
    now: datetime,
    **fields: Any,
) -> TicketType:
    """Open as long as its times say, from now on where they say nothing. Audit "ticket_type_created". Raises Invalid."""
    position = TicketType.objects.filter(event=event).count()
    ticket_type = TicketType(event=event, position=position)
    assign(ticket_type, {"name": name, **fields}, event.language)
    _check(ticket_type, quotas)
    ticket_type.save()
    ticket_type.quotas.set(quotas)
    audit.record(actor=actor, verb="ticket_type_created", subject=ticket_type, at=now, event_id=event.pk)
    return ticket_type


@transaction.atomic
def update_ticket_type(
    *, ticket_type: TicketType, changes: Mapping[str, Any], actor: User | None, now: datetime
) -> TicketType:
    """Other quotas take over the places that its registrations hold, or refuse where they are too small. A new price is for
    those who register from now on.

    Locks the event's quotas. Audit "ticket_type_changed". Raises CannotChangeTickets (`sold_out`), Invalid.
    """
    quotas = lock_quotas(ticket_type.event_id)
    stored = TicketType.objects.select_for_update().get(pk=ticket_type.pk)
    fields = {name: value for name, value in changes.items() if name != "quotas"}
    changed = set(assign(stored, fields, ticket_type.event.language))
    before = set(stored.quotas.values_list("pk", flat=True))
    wanted = {quota.pk for quota in changes["quotas"]} if "quotas" in changes else before
    _check(stored, changes.get("quotas", list(quotas.values())))
    if wanted != before:
        if not recount(before, wanted, places_held(stored), quotas):
            raise CannotChangeTickets([sold_out(stored)])
        stored.quotas.set(wanted)
        changed.add("quotas")
    if changed:
        stored.save()
        audit.record(
            actor=actor,
            verb="ticket_type_changed",
            subject=stored,
            at=now,
            event_id=stored.event_id,
            fields=sorted(changed),
        )
        serve_line(event_id=stored.event_id, now=now)
    return take_over(ticket_type, stored, fields)


@transaction.atomic
def delete_ticket_type(*, ticket_type: TicketType, actor: User | None, now: datetime) -> None:
    """Audit "ticket_type_deleted"; what was asked with it alone is no longer asked. Raises CannotChangeTickets where anybody ever
    registered with it."""
    stored = locked(ticket_type)
    if stored.registrations.exists():
        raise CannotChangeTickets(
            [
                Problem(
                    code="ticket_type_in_use",
                    message=_("People have registered with “%(name)s”.") % {"name": ticket_type.name},
                    fix=_("Close it instead: set the time at which it closes."),
                )
            ]
        )
    audit.record(actor=actor, verb="ticket_type_deleted", subject=stored, at=now, event_id=stored.event_id)
    forget_ticket(ticket_type=stored, actor=actor, now=now)
    stored.delete()


def _check(ticket_type: TicketType, quotas: Sequence[Quota]) -> None:
    problems = []
    if not quotas or any(quota.event_id != ticket_type.event_id for quota in quotas):
        problems.append(
            Problem(
                code="quota_required",
                field="quotas",
                message=_("A ticket counts in at least one quota of its event."),
                fix=_("Choose one, or make one first."),
            )
        )
    if problems:
        raise Invalid(problems)
    validate(ticket_type)
