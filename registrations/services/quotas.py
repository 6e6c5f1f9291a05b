"""Counting places: whatever moves `Quota.taken` does it here or with all quotas of the event locked.

Locks are taken in one order everywhere: quotas by id, then registrations. Only whoever may have to serve the line locks the
quotas of the event; a newcomer who finds a place updates counters and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import F

from registrations.models import HOLDS_A_PLACE, IS_KEPT, LineItem, Product, Quota, Registration, TicketType

#: Ids of the quotas that something counts in, in order.
Ids = tuple[int, ...]


class QuotasChanged(Exception):
    """A ticket or product counts in other quotas than a moment ago."""


@dataclass
class Counting:
    """In which quotas each ticket and product counts."""

    tickets: dict[int, Ids] = field(default_factory=dict)
    products: dict[int, Ids] = field(default_factory=dict)

    def of(self, tickets: Collection[int], products: Collection[int]) -> Counting:
        """Of these only; what is not known counts in nothing."""
        return Counting(
            {pk: self.tickets.get(pk, ()) for pk in tickets}, {pk: self.products.get(pk, ()) for pk in products}
        )

    def needs(self, tickets: Iterable[int], lines: Iterable[LineItem]) -> Counter[int]:
        """Places of each quota for one ticket of each of these, and for these lines."""
        needed: Counter[int] = Counter()
        for ticket in tickets:
            needed.update(self.tickets[ticket])
        for line in lines:
            needed.update(dict.fromkeys(self.products[line.product_id], line.quantity))
        return needed


def counting_of(tickets: Collection[int], products: Collection[int] = ()) -> Counting:
    """One query for tickets, one for products; none where there are none."""
    counting = Counting(dict.fromkeys(tickets, ()), dict.fromkeys(products, ()))
    if tickets:
        _add("tickettype", counting.tickets)
    if products:
        _add("product", counting.products)
    return counting


# In SQL, here and in `_take_all`: everybody who registers comes by, and making the statement takes longer than to run it.
def _add(thing: str, counting: dict[int, Ids]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {thing}_id, quota_id FROM registrations_{thing}_quotas WHERE {thing}_id = ANY(%s) ORDER BY quota_id",  # noqa: S608 (names of ours)
            [list(counting)],
        )
        for pk, quota in cursor.fetchall():
            counting[pk] += (quota,)


def lock_quotas(event_id: int) -> dict[int, Quota]:
    """All quotas of the event, in id order: whoever holds them is alone in giving places."""
    return {
        quota.pk: quota for quota in Quota.objects.select_for_update(no_key=True).filter(event=event_id).order_by("pk")
    }


def fits(needed: Mapping[int, int], quotas: Mapping[int, Quota]) -> bool:
    """What counts in no quota has no places."""
    return bool(needed) and all(quotas[pk].available >= count for pk, count in needed.items())


def count_in(needed: Mapping[int, int], quotas: Mapping[int, Quota]) -> None:
    """In memory; the caller has locked the quotas and writes them."""
    for pk, count in needed.items():
        quotas[pk].taken += count


@dataclass(frozen=True)
class Taken:
    """Who got what of what was asked for."""

    has_places: bool
    # Lines that are held; the others wait.
    lines: list[LineItem]
    # Products without a waiting list that are full: nothing may be kept.
    sold_out: list[Product]


def take(
    ticket_types: Sequence[TicketType],
    lines: Sequence[LineItem],
    *,
    counting: Counting | None,
    event_id: int,
) -> Taken:
    """Places for all of `ticket_types` or for none of them, and for those lines that have room.

    One conditional UPDATE per quota, in id order, so that nobody can lock each other; the quotas are locked only where one was
    full. `counting`: as it was a moment ago; raises QuotasChanged if somebody has given a ticket others meanwhile. None: all
    quotas of the event are locked and it is read then, so that nobody can.
    """
    tickets, products = [ticket.pk for ticket in ticket_types], {line.product_id for line in lines}
    if counting is None:
        lock_quotas(event_id)
        counting = counting_of(set(tickets), products)
    else:
        counting = counting.of(set(tickets), products)
    needed = counting.needs(tickets, lines)
    if all(counting.tickets.values()) and all(counting.products.values()) and _take_all(needed):
        taken = Taken(True, list(lines), [])
    else:
        taken = _take_some(counting, tickets, lines, needed)
    # Whoever gives a ticket other quotas needs the lock that we have now on those it counted in: what we read before is
    # either still so, or was changed while we waited.
    if counting_of(set(tickets), products) != counting:
        raise QuotasChanged
    return taken


def _take_all(needed: Mapping[int, int]) -> bool:
    done: list[int] = []
    with connection.cursor() as cursor:
        for pk in sorted(needed):
            cursor.execute(
                "UPDATE registrations_quota SET taken = taken + %(count)s WHERE id = %(pk)s AND taken + %(count)s <= size",
                {"pk": pk, "count": needed[pk]},
            )
            if not cursor.rowcount:
                break
            done.append(pk)
        else:
            return True
    for pk in done:
        Quota.objects.filter(pk=pk).update(taken=F("taken") - needed[pk])
    return False


def _take_some(
    counting: Counting, tickets: Sequence[int], lines: Sequence[LineItem], needed: Mapping[int, int]
) -> Taken:
    """Full a moment ago. Whoever gives a place back holds these locks and serves the line before letting go, so after waiting
    for them either there is room for us or we are in line when the next one looks."""
    locked = Quota.objects.select_for_update(no_key=True).filter(pk__in=list(needed)).order_by("pk")
    quotas = {quota.pk: quota for quota in locked}
    own = counting.needs(tickets, [])
    has_places = all(counting.tickets.values()) and fits(own, quotas)
    if has_places:
        count_in(own, quotas)
    held: list[LineItem] = []
    sold_out: list[Product] = []
    for line in lines:
        one = counting.needs([], [line])
        if fits(one, quotas):
            # Who waits for a ticket waits for its products, too.
            if has_places:
                count_in(one, quotas)
                held.append(line)
        elif not line.product.waiting_list:
            sold_out.append(line.product)
    if has_places:
        Quota.objects.bulk_update(quotas.values(), ["taken"])
    return Taken(has_places, held, sold_out)


def give_back(
    registrations: Collection[Registration], lines: Collection[LineItem], quotas: Mapping[int, Quota]
) -> None:
    """What these hold, as long as their states still say so. `quotas`: all of the event, locked."""
    tickets = [registration.ticket_type_id for registration in registrations if registration.state in HOLDS_A_PLACE]
    kept = [line for line in lines if line.state in IS_KEPT]
    freed = counting_of(set(tickets), {line.product_id for line in kept}).needs(tickets, kept)
    for pk, count in freed.items():
        quotas[pk].taken -= count
    Quota.objects.bulk_update([quotas[pk] for pk in freed], ["taken"])


def places_held(ticket_type: TicketType) -> int:
    """How many registrations hold a place of it."""
    return ticket_type.registrations.filter(state__in=HOLDS_A_PLACE).count()


def pieces_held(product: Product) -> int:
    """How many of it are held or offered."""
    return sum(product.lines.filter(state__in=IS_KEPT).values_list("quantity", flat=True))


def recount(counted_in: Collection[int], wanted: Collection[int], held: int, quotas: Mapping[int, Quota]) -> bool:
    """Let `held` places count in the quotas `wanted` instead of those they `counted_in`; False where they do not fit.
    `quotas`: all of the event, locked."""
    before, after = set(counted_in), set(wanted)
    if any(quotas[pk].available < held for pk in after - before):
        return False
    for pk in before - after:
        quotas[pk].taken -= held
    for pk in after - before:
        quotas[pk].taken += held
    Quota.objects.bulk_update([quotas[pk] for pk in before ^ after], ["taken"])
    return True
