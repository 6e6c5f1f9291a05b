"""Products, and who has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Invalid, Problem
from events.models import Event
from events.services.texts import assign, locked, take_over, validate
from registrations.models import (
    HAS_ITS_PLACE,
    IS_KEPT,
    LineItem,
    LineState,
    Product,
    Quota,
    Registration,
    TicketType,
)
from registrations.problems import problems_with_products, product_sold_out
from registrations.services.charges import change_amount
from registrations.services.places import CannotChangeRegistration, may_change
from registrations.services.promotion import serve_line
from registrations.services.quotas import count_in, counting_of, fits, lock_quotas, pieces_held, recount
from registrations.services.telling import tell_of_change
from registrations.services.tickets import CannotChangeTickets


@transaction.atomic
def create_product(
    *,
    event: Event,
    name: Localized,
    quotas: Sequence[Quota],
    ticket_types: Sequence[TicketType] = (),
    actor: User | None,
    now: datetime,
    **fields: Any,
) -> Product:
    """Audit "product_created". Raises Invalid (`quota_required`, `ticket_not_of_event` and those of fields)."""
    product = Product(event=event, position=Product.objects.filter(event=event).count())
    assign(product, {"name": name, **fields}, event.language)
    _check(product, quotas, ticket_types)
    product.save()
    product.quotas.set(quotas)
    product.ticket_types.set(ticket_types)
    audit.record(actor=actor, verb="product_created", subject=product, at=now, event_id=event.pk)
    return product


@transaction.atomic
def update_product(*, product: Product, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Product:
    """Other quotas take over what is held of it, or refuse where they are too small. A new price is for those who ask from now
    on.

    Locks the event's quotas. Audit "product_changed". Raises CannotChangeTickets (`sold_out`), Invalid.
    """
    quotas = lock_quotas(product.event_id)
    stored = Product.objects.select_for_update().get(pk=product.pk)
    fields = {name: value for name, value in changes.items() if name not in {"quotas", "ticket_types"}}
    changed = set(assign(stored, fields, product.event.language))
    counted_in = set(stored.quotas.values_list("pk", flat=True))
    tickets = set(stored.ticket_types.values_list("pk", flat=True))
    _check(stored, changes.get("quotas", list(quotas.values())), changes.get("ticket_types", ()))
    wanted = {quota.pk for quota in changes["quotas"]} if "quotas" in changes else counted_in
    if wanted != counted_in:
        if not recount(counted_in, wanted, pieces_held(stored), quotas):
            raise CannotChangeTickets([product_sold_out(stored)])
        stored.quotas.set(wanted)
        changed.add("quotas")
    if "ticket_types" in changes and {ticket.pk for ticket in changes["ticket_types"]} != tickets:
        stored.ticket_types.set(changes["ticket_types"])
        changed.add("ticket_types")
    if changed:
        stored.save()
        fields_changed = sorted(changed)
        audit.record(
            actor=actor,
            verb="product_changed",
            subject=stored,
            at=now,
            event_id=stored.event_id,
            fields=fields_changed,
        )
        serve_line(event_id=stored.event_id, now=now)
    return take_over(product, stored, fields)


@transaction.atomic
def delete_product(*, product: Product, actor: User | None, now: datetime) -> None:
    """Audit "product_deleted". Raises CannotChangeTickets (`product_in_use`) where anybody ever asked for it."""
    stored = locked(product)
    if stored.lines.exists():
        raise CannotChangeTickets(
            [
                Problem(
                    code="product_in_use",
                    message=_("People have asked for “%(name)s”.") % {"name": product.name},
                    fix=_("Close it instead: set the time at which it closes."),
                )
            ]
        )
    audit.record(actor=actor, verb="product_deleted", subject=stored, at=now, event_id=stored.event_id)
    stored.delete()


def _check(product: Product, quotas: Sequence[Quota], ticket_types: Sequence[TicketType]) -> None:
    problems = []
    if not quotas or any(quota.event_id != product.event_id for quota in quotas):
        problems.append(
            Problem(
                code="quota_required",
                field="quotas",
                message=_("A product counts in at least one quota of its event."),
                fix=_("Choose one, or make one first."),
            )
        )
    if any(ticket.event_id != product.event_id for ticket in ticket_types):
        problems.append(
            Problem(
                code="ticket_not_of_event",
                field="ticket_types",
                message=_("This ticket is for another event."),
                fix=_("Choose one of this event's tickets."),
            )
        )
    if problems:
        raise Invalid(problems)
    validate(product)


# -- Who has them -------------------------------------------------------------------------------------------------------


@transaction.atomic
def change_products(
    *, registration: Registration, products: Sequence[tuple[Product, int]], actor: User | None, now: datetime
) -> Registration:
    """Let the registration have so many of each of these products, and none of others.

    What is given back goes to the next in line in the same transaction. What is new is theirs at once where there is room;
    otherwise it waits, or the change is refused where there is no waiting list. More of what they have is had at once or
    refused. The price is that of the moment; who was confirmed stays so and owes the rest. While the registration itself waits
    or has an offer, so do its products.

    Locks the event's quotas, then the row. Audit "products_changed"; one message where anything changed. Raises
    CannotChangeRegistration (codes of `problems_with_products`, `sold_out`, `registration_is_over`, `event_is_over`). Repeating
    it changes nothing.
    """
    quotas = lock_quotas(registration.event_id)
    stored = may_change(registration, actor, now)
    lines = {line.product_id: line for line in stored.lines.wanted().select_related("product")}
    has = {pk: line.quantity for pk, line in lines.items()}
    wanted = {product.pk: quantity for product, quantity in products if quantity > 0}
    if wanted == has:
        return registration
    problems = problems_with_products(stored.event, stored.ticket_type, products, now, has=has)
    if problems:
        raise CannotChangeRegistration(problems)
    by_key = {product.pk: product for product, _quantity in products}
    counting = counting_of([], {*wanted, *has})
    # What is given back first makes room for what is new.
    for pk in sorted(has, key=lambda pk: wanted.get(pk, 0) > has[pk]):
        line = lines[pk]
        needed = {quota: wanted.get(pk, 0) - line.quantity for quota in counting.products[pk]}
        if line.state in IS_KEPT:
            if wanted.get(pk, 0) > line.quantity and not fits(needed, quotas):
                raise CannotChangeRegistration([product_sold_out(line.product)])
            count_in(needed, quotas)
        _set_quantity(line, wanted.get(pk, 0), now)
    new = [
        _new_line(stored, by_key[pk], quantity, counting.products[pk], quotas, now)
        for pk, quantity in wanted.items()
        if pk not in has
    ]
    Quota.objects.bulk_update(quotas.values(), ["taken"])
    LineItem.objects.bulk_update(
        lines.values(), ["quantity", "state", "state_changed_at", "offer_expires_at", "asked_at"]
    )
    LineItem.objects.bulk_create(new)
    held = [line for line in [*lines.values(), *new] if line.state == LineState.HELD]
    is_paid = change_amount(stored, stored.ticket_price + sum((line.total for line in held), Decimal(0)), now)
    stored.revision += 1
    stored.save(update_fields=["revision"])
    audit.record(
        actor=actor,
        verb="products_changed",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        products={str(by_key[pk].name): quantity for pk, quantity in wanted.items()},
    )
    tell_of_change(stored, now, is_paid=is_paid)
    serve_line(event_id=stored.event_id, now=now)
    return take_over(registration, stored, ["state", "amount", "revision", "payment_due_at"])


def _set_quantity(line: LineItem, quantity: int, now: datetime) -> None:
    if quantity == 0:
        line.state, line.state_changed_at, line.offer_expires_at = LineState.CANCELLED, now, None
        return
    if line.state == LineState.WAITING and quantity > line.quantity:
        # Who asks for more asks anew.
        line.asked_at = now
    line.quantity = quantity


def _new_line(
    registration: Registration,
    product: Product,
    quantity: int,
    counted_in: Sequence[int],
    quotas: Mapping[int, Quota],
    now: datetime,
) -> LineItem:
    line = product.asked_by(registration, quantity, now)
    needed = dict.fromkeys(counted_in, quantity)
    has_room = fits(needed, quotas)
    if not has_room and not product.waiting_list:
        raise CannotChangeRegistration([product_sold_out(product)])
    if has_room and registration.state in HAS_ITS_PLACE:
        count_in(needed, quotas)
        line.state = LineState.HELD
    return line
