"""Tickets, places and people who register, through the services that the pages call."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from events.models import Event
from registrations.models import (
    AnswerFile,
    LedgerEntry,
    Product,
    Question,
    QuestionSection,
    Quota,
    Registration,
    TicketType,
)
from registrations.services import answers, payments, places, products, questions, registering, tickets
from registrations.services.registering import Applicant

_numbers = itertools.count(1)

#: Some weeks before the event of `tests.factories.events.make_event`.
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


def make_quota(event: Event, size: int = 10, name: str = "") -> Quota:
    return tickets.create_quota(event=event, name=name or f"Places {next(_numbers)}", size=size, actor=None, now=NOW)


def make_ticket(
    event: Event, size: int = 10, *, quotas: Sequence[Quota] = (), waiting_list: bool = True, **fields: Any
) -> TicketType:
    """A free ticket, open now; with a quota of its own of `size` places unless `quotas` are given."""
    return tickets.create_ticket_type(
        event=event,
        quotas=list(quotas) or [make_quota(event, size)],
        waiting_list=waiting_list,
        actor=None,
        now=NOW,
        **{"name": {"en": f"Ticket {next(_numbers)}", "zh-hans": "普通票"}, **fields},
    )


def make_product(
    event: Event, size: int = 10, *, quotas: Sequence[Quota] = (), waiting_list: bool = True, **fields: Any
) -> Product:
    """A free product, there now; with a quota of its own of `size` places unless `quotas` are given."""
    return products.create_product(
        event=event,
        quotas=list(quotas) or [make_quota(event, size)],
        waiting_list=waiting_list,
        actor=None,
        now=NOW,
        **{"name": {"en": f"Product {next(_numbers)}", "zh-hans": "晚宴"}, **fields},
    )


def make_question(event: Event, identifier: str = "", kind: str = "text", **fields: Any) -> Question:
    return questions.create_question(
        event=event,
        identifier=identifier or f"question{next(_numbers)}",
        kind=kind,
        actor=None,
        now=NOW,
        **{"label": {"en": f"Question {identifier}?", "zh-hans": f"问题 {identifier}？"}, **fields},
    )


def make_choice(
    event: Event, identifier: str = "meals", options: Sequence[str] = ("all", "vegan"), **fields: Any
) -> Question:
    return make_question(
        event,
        identifier,
        "choice",
        options=[{"identifier": name, "label": {"en": name.capitalize()}} for name in options],
        **fields,
    )


def make_section(event: Event, title: str = "Travel") -> QuestionSection:
    return questions.create_section(event=event, title={"en": title, "zh-hans": "行程"}, actor=None, now=NOW)


PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0" + b"\0" * 20 + b"\0\0\0\0IEND\xaeB`\x82"


def send_file(question: Question, name: str = "card.pdf", content: bytes = PDF, *, now: datetime = NOW) -> AnswerFile:
    return answers.keep_file(question=question, upload=SimpleUploadedFile(name, content), now=now)


def a_file(registration: Registration) -> AnswerFile:
    """One that belongs to the registration, as the answer to a question of its own."""
    question = make_question(registration.event, kind="file")
    file = send_file(question)
    registration.refresh_from_db()
    places.change_registration(
        registration=registration, changes={"answers": {question.identifier: file.reference}}, actor=None, now=NOW
    )
    file.refresh_from_db()
    return file


def register(
    ticket: TicketType,
    email: str = "",
    *,
    name: str = "",
    now: datetime = NOW,
    actor: User | None = None,
    **fields: Any,
) -> Registration:
    number = next(_numbers)
    return registering.register(
        event=ticket.event,
        ticket_type=ticket,
        name=name or f"Guest {number}",
        email=email or f"guest{number}@example.org",
        actor=actor,
        now=now,
        **{"language": "en", "answers": {}, **fields},
    )


def register_group(tickets: Sequence[TicketType], *, now: datetime = NOW, **fields: Any) -> list[Registration]:
    """One person for each of these tickets."""
    people = []
    for ticket in tickets:
        number = next(_numbers)
        people.append(
            Applicant(
                ticket_type=ticket,
                email=f"guest{number}@example.org",
                **{"name": f"Guest {number}", "language": "en", "answers": {}, **fields},
            )
        )
    return registering.register_group(event=tickets[0].event, people=people, actor=None, now=now)


def pay(
    registration: Registration, amount: str, kind: str = "payment", *, now: datetime = NOW, key: str = ""
) -> LedgerEntry:
    return payments.record(
        registration=registration, kind=kind, amount=Decimal(amount), method="transfer", key=key, actor=None, now=now
    )


def states_of(*registrations: Registration) -> list[str]:
    """As stored now."""
    stored = dict(Registration.objects.filter(pk__in=[r.pk for r in registrations]).values_list("pk", "state"))
    return [stored[registration.pk] for registration in registrations]


def cancel(registration: Registration, *, now: datetime = NOW) -> Registration:
    return places.cancel_registration(registration=registration, actor=None, now=now)


def places_of(quota: Quota) -> tuple[int, int]:
    """(taken, size) as stored now."""
    quota.refresh_from_db()
    return quota.taken, quota.size
