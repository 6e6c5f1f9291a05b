"""Who comes, in numbers: one question a plot, each with the table that it is drawn from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.translation import gettext as _
from django_countries import countries

from events.models import Event
from registrations.models import Answer, Question, QuestionKind, Registration, RegistrationState
from registrations.segments import ANSWER

#: Bars of one plot; what is rarer is counted together in the last.
MOST_BARS: Final = 15
#: More days than this are counted by weeks.
MOST_DAYS: Final = 70
#: An answer in one's own words; no option is called so.
OTHER: Final = "*other"

_K = QuestionKind
_COUNTED_KINDS: Final = frozenset({_K.CHOICE, _K.MULTIPLE_CHOICE, _K.YES_NO, _K.COUNTRY, _K.NUMBER, _K.CONSENT})


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    count: int
    # Of the longest bar: 0 to 1.
    share: float
    # The registrations that it counts; empty where no filter says them.
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Plot:
    code: str
    # A question that the plot answers.
    title: str
    # What a bar stands for: the head of the table's first column.
    what: str
    bars: list[Bar]
    # Of registrations counted; somebody may be in several bars, or in none.
    total: int
    # All rows of the table, those too that the plot counts together.
    rows: list[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One day, or one week beginning that day."""

    day: date
    count: int
    # Up to and including it.
    sum: int


@dataclass(frozen=True, kw_only=True)
class Growth:
    steps: list[Step]
    by_week: bool

    @property
    def most(self) -> int:
        return max((step.count for step in self.steps), default=0)


def plots(event: Event, counted: QuerySet[Registration]) -> list[Plot]:
    """By ticket, country and institution, and by the answers to each question that can be counted. A query each."""
    total = counted.count()
    return [
        _plot(
            "tickets", _("With which ticket?"), _("Ticket"), total, _by_ticket(event, counted), _list(event, "ticket")
        ),
        _plot(
            "countries",
            _("From which countries?"),
            _("Country or region"),
            total,
            _by_country(counted),
            _list(event, "country"),
        ),
        _plot(
            "institutions",
            _("From which institutions?"),
            _("Institution"),
            total,
            _by_institution(counted),
            _list(event, "q"),
        ),
        *_by_answers(event, counted, total),
    ]


def growth(event: Event, counted: QuerySet[Registration]) -> Growth:
    """How many registered on each day of the event's zone, from the first day to the last; days without any are there."""
    by_day = dict(
        counted.annotate(day=TruncDate("registered_at", tzinfo=event.tz))
        .order_by("day")
        .values_list("day")
        .annotate(Count("pk"))
    )
    if not by_day:
        return Growth(steps=[], by_week=False)
    first, last = min(by_day), max(by_day)
    by_week = (last - first).days >= MOST_DAYS
    length = 7 if by_week else 1
    if by_week:
        first -= timedelta(days=first.weekday())
    steps, so_far = [], 0
    for number in range((last - first).days // length + 1):
        day = first + timedelta(days=number * length)
        count = sum(by_day.get(day + timedelta(days=n), 0) for n in range(length))
        so_far += count
        steps.append(Step(day=day, count=count, sum=so_far))
    return Growth(steps=steps, by_week=by_week)


def growth_rows(found: Growth) -> list[tuple[date | str, int | str, int | str]]:
    return [(step.day, step.count, step.sum) for step in found.steps]


# -- Counting -----------------------------------------------------------------------------------------------------------

_Counted = list[tuple[str, str, int]]


def _by_ticket(event: Event, counted: QuerySet[Registration]) -> _Counted:
    names = {ticket.pk: str(ticket.name) for ticket in event.ticket_types.all()}
    found = counted.order_by().values_list("ticket_type").annotate(Count("pk"))
    return [(str(pk), names[pk], count) for pk, count in found]


def _by_country(counted: QuerySet[Registration]) -> _Counted:
    found = counted.order_by().values_list("country").annotate(Count("pk"))
    return [(code, str(countries.name(code) or code) if code else _("Not said"), count) for code, count in found]


def _by_institution(counted: QuerySet[Registration]) -> _Counted:
    """Written the same but for case and spaces: the same; under the spelling that most used."""
    spelt: dict[str, Counter[str]] = {}
    for name, count in counted.order_by().values_list("affiliation").annotate(Count("pk")):
        spelt.setdefault(" ".join(name.split()).casefold(), Counter())[" ".join(name.split())] += count
    named = ((names.most_common(1)[0][0], sum(names.values())) for names in spelt.values())
    return [(name, name or _("Not said"), count) for name, count in named]


def _by_answers(event: Event, counted: QuerySet[Registration], total: int) -> Iterator[Plot]:
    questions = Question.objects.filter(event=event, kind__in=_COUNTED_KINDS).in_order()
    answers = (
        Answer.objects.filter(registration__in=counted, question__in=questions)
        .order_by()
        .values_list("question", "value")
        .annotate(Count("pk"))
    )
    by_question: dict[int, Counter[str]] = {}
    for question, value, count in answers:
        for one in value if isinstance(value, list) else [value]:
            by_question.setdefault(question, Counter())[_key(one)] += count
    for question in questions:
        found = by_question.get(question.pk, Counter())
        labels = _labels(question, found)
        rows = [(key, labels.get(key, key), found[key]) for key in {**labels, **found}]
        can_be_found = question.kind not in {_K.NUMBER, _K.CONSENT}
        link = _list(event, f"{ANSWER}{question.identifier}") if can_be_found else None
        yield _plot(f"question-{question.pk}", str(question.label), _("Answer"), total, rows, link)


def _key(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return OTHER
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        return str(int(value))
    return str(value)


def _labels(question: Question, found: Counter[str]) -> Mapping[str, str]:
    if question.kind == QuestionKind.COUNTRY:
        return {code: str(countries.name(code) or code) for code in found}
    if question.options:
        other = {OTHER: _("Other")} if question.settings.get("has_other") else {}
        return {identifier: str(label) for identifier, label in question.option_labels.items()} | other
    if question.kind == QuestionKind.CONSENT:
        return {"yes": _("Agreed")}
    if question.kind == QuestionKind.YES_NO:
        return {"yes": _("Yes"), "no": _("No")}
    return {}


def _list(event: Event, parameter: str) -> str:
    return f"{reverse('registrations:registrations', args=[event.slug])}?{parameter}="


def _plot(code: str, title: str, what: str, total: int, counted: _Counted, link: str | None) -> Plot:
    in_order = sorted(counted, key=lambda row: (-row[2], row[1].casefold()))
    shown, rest = in_order[:MOST_BARS], in_order[MOST_BARS:]
    if len(rest) == 1:
        shown, rest = in_order, []
    longest = max([count for *_names, count in shown] + [sum(row[2] for row in rest), 1])
    bars = [
        Bar(
            label=label,
            count=count,
            share=count / longest,
            url=f"{link}{urlencode({'': value})[1:]}" if link and value and count else "",
        )
        for value, label, count in shown
    ]
    if rest:
        together = sum(count for *_names, count in rest)
        bars.append(Bar(label=_("%(count)s others") % {"count": len(rest)}, count=together, share=together / longest))
    return Plot(
        code=code,
        title=title,
        what=what,
        bars=bars,
        total=total,
        rows=[(label, count) for _value, label, count in in_order],
    )


WHO: Final = {
    "coming": frozenset(
        {
            RegistrationState.CONFIRMED,
            RegistrationState.PENDING,
            RegistrationState.AWAITING_PAYMENT,
            RegistrationState.OFFERED,
        }
    ),
    "waiting": frozenset({RegistrationState.WAITING}),
    "gone": frozenset({RegistrationState.CANCELLED, RegistrationState.REJECTED, RegistrationState.EXPIRED}),
}
