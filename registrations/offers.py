"""What an event offers right now: tickets, whether they can be had, and the words for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common import dates
from events.hooks import EventPageSections, RegistrationSection
from events.models import Event, EventState
from registrations.models import Product, TicketType
from registrations.services.setups import Setup

#: Below this many places their number is said.
FEW = 20

State = Literal["open", "waiting_list", "full", "not_yet", "closed"]


@dataclass(frozen=True, kw_only=True)
class TicketOffer:
    ticket: TicketType
    state: State
    # Of the scarcest quota.
    seats_left: int
    words: str

    @property
    def is_open(self) -> bool:
        """Can be chosen in the form, be it for a place in line."""
        return self.state in {"open", "waiting_list"}


def offers_of(event: Event, now: datetime) -> list[TicketOffer]:
    """In the event's order; two queries."""
    tickets = TicketType.objects.filter(event=event).prefetch_related("quotas").in_order()
    return [_offer(event, ticket, [quota.available for quota in ticket.quotas.all()], now) for ticket in tickets]


def offers_in(setup: Setup, left: Mapping[int, int], now: datetime) -> list[TicketOffer]:
    """As `offers_of`, without a query; `left`: places of each quota."""
    quotas = setup.counting.tickets
    return [_offer(setup.event, ticket, [left.get(pk, 0) for pk in quotas[ticket.pk]], now) for ticket in setup.tickets]


def _offer(event: Event, ticket: TicketType, left: Collection[int], now: datetime) -> TicketOffer:
    state, seats, words = _state(event, ticket, left, now)
    return TicketOffer(ticket=ticket, state=state, seats_left=seats, words=words)


def _state(event: Event, thing: TicketType | Product, places: Collection[int], now: datetime) -> tuple[State, int, str]:
    """With the places left of its scarcest quota, and the words for it; `places`: left of each that it counts in."""
    left = max(0, min(places, default=0))
    if thing.available_from and now < thing.available_from:
        return "not_yet", left, _("Opens %(moment)s") % {"moment": dates.moment(thing.available_from, event.tz)}
    if (thing.available_until and now >= thing.available_until) or event.is_over(now):
        return "closed", left, _("Closed")
    if left > 0:
        words = ngettext("%(count)s place left", "%(count)s places left", left) % {"count": left} if left < FEW else ""
        return "open", left, words
    if thing.waiting_list:
        return "waiting_list", left, _("Full: join the waiting list")
    return "full", left, _("Full")


@dataclass(frozen=True, kw_only=True)
class ProductOffer:
    product: Product
    state: State
    words: str

    @property
    def is_open(self) -> bool:
        return self.state in {"open", "waiting_list"}


def product_offers_of(event: Event, now: datetime) -> list[ProductOffer]:
    """In the event's order; three queries."""
    products = Product.objects.filter(event=event).prefetch_related("quotas", "ticket_types").in_order()
    return [
        _product_offer(event, product, [quota.available for quota in product.quotas.all()], now) for product in products
    ]


def product_offers_in(setup: Setup, left: Mapping[int, int], now: datetime) -> list[ProductOffer]:
    """As `product_offers_of`, without a query; `left`: places of each quota."""
    quotas = setup.counting.products
    return [
        _product_offer(setup.event, product, [left.get(pk, 0) for pk in quotas[product.pk]], now)
        for product in setup.products
    ]


def _product_offer(event: Event, product: Product, left: Collection[int], now: datetime) -> ProductOffer:
    state, _left, words = _state(event, product, left, now)
    if tickets := [str(ticket.name) for ticket in product.ticket_types.all()]:
        words = " · ".join(filter(None, [words, _("only with: %(tickets)s") % {"tickets": ", ".join(tickets)}]))
    return ProductOffer(product=product, state=state, words=words)


def section(event: Event, _request: object) -> EventPageSections | None:
    """The event page's word on registration, and its main button."""
    offers = offers_of(event, timezone.now())
    if not offers:
        return None
    states = {offer.state for offer in offers}
    state: Literal["open", "not_yet", "closed", "full", "waiting_list", "none"] = next(
        s for s in ("open", "waiting_list", "not_yet", "full", "closed") if s in states
    )
    if event.state != EventState.LIVE:
        state = "closed"
    labels = {"open": _("Register"), "waiting_list": _("Join the waiting list")}
    can = state in labels
    opens = [o.ticket.available_from for o in offers if o.state == "not_yet" and o.ticket.available_from]
    closes = [o.ticket.available_until for o in offers if o.is_open and o.ticket.available_until]
    left = sum(o.seats_left for o in offers if o.state == "open")
    registration = RegistrationSection(
        state=state,
        label=labels.get(state, ""),
        url=reverse("registrations:register", args=[event.slug]) if can else "",
        opens_at=min(opens, default=None) if state == "not_yet" else None,
        closes_at=max(closes) if can and closes else None,
        seats_left=left if state == "open" and left < FEW else None,
    )
    return {"registration": registration}
