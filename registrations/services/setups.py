"""What an event offers to who registers, and asks of them: read once, and kept until it changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from common.reads import Rows, Tuples, read
from events.models import Event
from notifications.services.rendering import Renderer
from registrations.models import Answer, Product, Question, Quota, Registration, TicketType
from registrations.services.answers import questions_of
from registrations.services.quotas import Counting, counting_of

T = TypeVar("T")

#: Events whose setup a process keeps, those asked for last.
MOST_KEPT: Final = 64
_kept: OrderedDict[int, Setup] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """An event as it was set up at one revision (`common.models.EventRevision`). Shared by threads: only to be read.

    What registrations change is not in it: how many places are left is asked anew each time (`places_left`).
    """

    revision: int
    event: Event
    # In order.
    tickets: Sequence[TicketType]
    # In order, with `ticket_types`.
    products: Sequence[Product]
    # Those that are asked, in order, with sections, conditions and tickets.
    questions: Sequence[Question]
    counting: Counting
    # Knows the event's own words for mails.
    renderer: Renderer
    _made: dict[Hashable, Any] = field(default_factory=dict)

    def ticket(self, pk: int) -> TicketType | None:
        return next((ticket for ticket in self.tickets if ticket.pk == pk), None)

    def places_left(self) -> dict[int, int]:
        """Of each quota of the event, now; one query."""
        rows = Quota.objects.filter(event=self.event.pk).values_list("pk", "size", "taken")
        return {pk: size - taken for pk, size, taken in rows}

    def kept(self, name: Hashable, key: object, make: Callable[[], T]) -> T:
        """What was made last under this name, where nothing else has changed that it depends on: `key`."""
        found = self._made.get(name)
        if found is None or found[0] != key:
            found = self._made[name] = (key, make())
        return cast("T", found[1])


def setup_of(event: Event) -> Setup:
    """One query where it is kept already."""
    found = _find("id", event.pk)
    # An event that is deleted meanwhile is as it was read.
    return found or _load(event.pk, 0, event)


def setup_at(slug: str) -> Setup | None:
    """As `setup_of`, for the event with this address, be it public or not; None where there is none."""
    return _find("slug", slug)


def setup_and_places_at(slug: str) -> tuple[Setup, dict[int, int]] | None:
    """As `setup_at`, and `Setup.places_left`, both in one query."""
    (rows,) = read(
        Tuples(
            """
            SELECT event.id, coalesce(revision.number, 0), quota.id, quota.size - quota.taken FROM events_event AS event
            LEFT JOIN common_eventrevision AS revision ON revision.event_id = event.id
            LEFT JOIN registrations_quota AS quota ON quota.event_id = event.id WHERE event.slug = %s
            """,
            [slug],
        )
    )
    if not rows or (setup := _at_revision(*rows[0][:2])) is None:
        return None
    return setup, {quota: left for *_, quota, left in rows if quota is not None}


def setup_and_registration_at(slug: str, code: str) -> tuple[Setup, Registration] | None:
    """As `setup_at`, and the event's registration with this code, with its details: all in one query, and one for lines where
    there are products. What is asked now and what was answered are mostly the same, and at hand; files are read when somebody
    asks for them."""
    its, asked = "event_id = (SELECT id FROM events_event WHERE slug = %s) AND code = %s", [slug, code]
    of_it = f"registration_id = (SELECT id FROM registrations_registration WHERE {its}) ORDER BY id"  # noqa: S608 (names of ours)
    events, registrations, answers = read(
        _revision_by("slug", slug), Rows(Registration, its, asked), Rows(Answer, of_it, asked)
    )
    if not registrations or (setup := _at_revision(*events[0])) is None:
        return None
    return setup, _detailed(setup, registrations[0], answers)


def _detailed(setup: Setup, found: Registration, answers: Sequence[Answer]) -> Registration:
    asked = {question.version_id: question for question in setup.questions}
    ticket = setup.ticket(found.ticket_type_id)
    if ticket is None or not {answer.version_id for answer in answers} <= asked.keys():
        # Of a time when something else was asked.
        found = Registration.objects.with_details().get(pk=found.pk)
    else:
        for answer in answers:
            question = asked[answer.version_id]
            assert question.version
            answer.question, answer.version = question, question.version
        lines = list(found.lines.wanted().in_order()) if setup.products else []
        found.ticket_type = ticket
        found.has_details(answers=answers, lines=lines)
    found.event = setup.event
    return found


def _find(column: str, value: int | str) -> Setup | None:
    (found,) = read(_revision_by(column, value))
    return _at_revision(*found[0]) if found else None


def _revision_by(column: str, value: int | str) -> Tuples:
    return Tuples(
        f"""
        SELECT event.id, coalesce(revision.number, 0) FROM events_event AS event
        LEFT JOIN common_eventrevision AS revision ON revision.event_id = event.id WHERE event.{column} = %s
        """,  # noqa: S608 (a name of ours)
        [value],
    )


def _at_revision(pk: int, revision: int) -> Setup | None:
    """The one that is kept, or read now; None where the event has just been deleted."""
    with _lock:
        kept = _kept.get(pk)
        if kept is not None and kept.revision == revision:
            _kept.move_to_end(pk)
            return kept
    # Read after its number: what changes meanwhile has a higher one, and is read again.
    event = Event.objects.select_related("organisation", "venue").filter(pk=pk).first()
    if event is None:
        return None
    setup = _load(pk, revision, event)
    with _lock:
        _kept[pk] = setup
        _kept.move_to_end(pk)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return setup


def _load(pk: int, revision: int, event: Event) -> Setup:
    tickets = list(TicketType.objects.filter(event=pk).in_order())
    products = list(Product.objects.filter(event=pk).prefetch_related("ticket_types").in_order())
    return Setup(
        revision=revision,
        event=event,
        tickets=tickets,
        products=products,
        questions=questions_of(event),
        counting=counting_of([ticket.pk for ticket in tickets], [product.pk for product in products]),
        renderer=Renderer.of_event(pk),
    )
