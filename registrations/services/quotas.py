"""Counting places: whatever moves `Quota.taken` does it here or with all quotas of the event locked.

Locks are taken in one order everywhere: quotas by id, then registrations. Only whoever may have to serve the line locks the
quotas of the event; a newcomer who finds a place updates counters and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db.models import F

from common.reads import Rows
from common.statements import Answer, Statement, ask
from registrations.models import HOLDS_A_PLACE, IS_KEPT, LineItem, Product, Quota, Registration, TicketType

_TAKE: Final = "UPDATE registrations_quota SET taken = taken + %s WHERE id = %s AND taken + %s <= size"
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
    """One query; none where there is nothing to count."""
    counted_in = _Counted(tickets, products)
    return counted_in.read(ask(counted_in.statements)) if counted_in.statements else Counting()


class _Counted:
    """In which quotas these count: statements that can follow others in one round trip. In SQL, as in `_take_all`: everybody who
    registers comes by, and making the statement takes longer than to run it."""

    def __init__(self, tickets: Collection[int], products: Collection[int]) -> None:
        self._asked = {"tickettype": list(tickets), "product": list(products)}
        asked = {thing: pks for thing, pks in self._asked.items() if pks}
        self.statements: list[Statement] = [
            (
                f"SELECT {thing}_id, quota_id FROM registrations_{thing}_quotas WHERE {thing}_id = ANY(%s) ORDER BY quota_id",  # noqa: S608 (names of ours)
                [pks],
            )
            for thing, pks in asked.items()
        ]

    def read(self, answers: Sequence[Answer]) -> Counting:
        """Of its statements."""
        counted: dict[str, dict[int, Ids]] = {thing: dict.fromkeys(pks, ()) for thing, pks in self._asked.items()}
        for quotas, answer in zip(filter(None, counted.values()), answers, strict=True):
            for pk, quota in answer.rows:
                quotas[pk] += (quota,)
        return Counting(counted["tickettype"], counted["product"])


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
    counted_in = _Counted(set(tickets), products)
    can_have_all = all(counting.tickets.values()) and all(counting.products.values())
    if can_have_all and (now_counting := _take_all(needed, counted_in)) is not None:
        taken = Taken(True, list(lines), [])
    else:
        taken, now_counting = _take_some(counting, counted_in, tickets, lines, needed)
    # Whoever gives a ticket other quotas needs the lock that we have by then on those it counted in: what we read before is
    # either still so, or was changed while we waited.
    if now_counting != counting:
        raise QuotasChanged
    return taken


def _take_all(needed: Mapping[int, int], counted_in: _Counted) -> Counting | None:
    """How they count now, read in the round trip of the last quota; None where one was full."""
    done: list[int] = []
    for pk in (pks := sorted(needed)):
        # Nothing is asked of a quota while one before it is full: whoever locks them in order would wait for us, and we for them.
        is_last = pk == pks[-1]
        taken, *answers = ask([(_TAKE, [needed[pk], pk, needed[pk]]), *(counted_in.statements if is_last else ())])
        if not taken.affected:
            break
        if is_last:
            return counted_in.read(answers)
        done.append(pk)
    for pk in done:
        Quota.objects.filter(pk=pk).update(taken=F("taken") - needed[pk])
    return None


def _take_some(
    counting: Counting,
    counted_in: _Counted,
    tickets: Sequence[int],
    lines: Sequence[LineItem],
    needed: Mapping[int, int],
) -> tuple[Taken, Counting]:
    """Full a moment ago. Whoever gives a place back holds these locks and serves the line before letting go, so after waiting
    for them either there is room for us or we are in line when the next one looks. And how they count now, as in `_take_all`."""
    locked = Rows(Quota, "id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [sorted(needed)])
    found, *answers = ask([(locked.statement, locked.values), *counted_in.statements])
    quotas = {quota.pk: quota for quota in locked.made_of(found.rows)}
    now_counting = counted_in.read(answers)
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
    return Taken(has_places, held, sold_out), now_counting


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
