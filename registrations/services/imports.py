"""People who registered elsewhere, out of a table: read, looked at row by row, and taken over.

Every row is one person, known again by the address. Rows that cannot be taken are named with their place in the file and the
reason, and the others are taken all the same; the same file again changes nothing.
"""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django_countries import countries

from accounts.models import User
from accounts.names import has_part
from common import workbooks
from common.problems import Refusal
from common.text import email_key
from common.workbooks import BadWorkbook
from events.models import Event
from registrations.answering import Read, read_answers
from registrations.models import (
    IS_LIVE,
    Question,
    QuestionKind,
    Registration,
    RegistrationState,
    TicketType,
    words_of,
)
from registrations.problems import problems_with_time
from registrations.rows import MONEY, PRODUCT
from registrations.services import places, registering
from registrations.services.answers import questions_of
from scheduling.importers import NotASchedule
from scheduling.importers.reading import decode

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ROWS: Final = 5_000
_DELIMITERS: Final = ",;\t"

#: Columns of the table, and what else they may be called. Questions have columns of their own: identifier, or the question.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("full name", "name (latin letters)", "姓名（拼音）", "拼音", "英文名"),
    "family_name": ("family name", "surname", "last name", "姓"),
    "native_name": ("native name", "name in its own script", "姓名", "中文姓名", "本名"),
    "email": ("e-mail", "e-mail address", "email address", "mail", "邮箱", "电子邮箱", "电子邮件"),
    "ticket": ("ticket type", "ticket_type", "票", "票种", "门票"),
    "affiliation": ("institution", "university", "organisation", "organization", "单位", "学校", "机构"),
    "country": ("country or region", "nationality", "国家", "国家或地区"),
    "language": ("语言",),
}
#: Columns of our own export that say what happened, and are no business of an import.
_IGNORED: Final = frozenset({"code", "registered_at", "changed_at", *MONEY})
_YES: Final = frozenset({"yes", "y", "true", "1", "x", "ja", "oui", "是", "对", "agreed", "同意"})
_NO: Final = frozenset({"no", "n", "false", "0", "nein", "non", "否", "不"})

What = Literal["added", "changed", "same", "refused"]


class NotATable(Exception):
    """Why a file has no people to import, in one line for people."""


@dataclass(frozen=True, kw_only=True)
class Row:
    # In the file: "line 7".
    where: str
    # By column: those of COLUMNS, and `answers.IDENTIFIER`.
    cells: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Table:
    rows: list[Row]
    # Heads of columns that nothing here is called.
    unknown: list[str]


@dataclass(kw_only=True)
class Outcome:
    """What becomes, or became, of one row."""

    where: str
    name: str
    email: str
    what: What
    # Field, what is stored, what comes; for those who are here already.
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """A row in the values that services take."""

    ticket_type: TicketType | None
    fields: dict[str, Any]
    answers: dict[str, Any]


# -- Reading ------------------------------------------------------------------------------------------------------------


def read(data: bytes, *, event: Event) -> Table:
    """CSV (comma, semicolon, tab) or XLSX, told by content. Raises NotATable."""
    if len(data) > MAX_BYTES:
        raise NotATable(_("This file is too large. It may have up to %(limit)d MB.") % {"limit": MAX_BYTES // 1024**2})
    names = _names(event)
    # Files are sent by hand.
    ignored = {_key(q.identifier) for q in event.questions.filter(kind=QuestionKind.FILE)} | _IGNORED
    lines = _workbook(data, names) if workbooks.is_workbook(data) else _csv(data, names)
    header: list[str] | None = None
    unknown: list[str] = []
    rows: list[Row] = []
    for where, cells in lines:
        if header is None:
            header = [names.get(_key(cell), "") for cell in cells]
            unknown = [
                cell
                for cell in cells
                if cell.strip() and _key(cell) not in {*names, *ignored} and not _is_product(cell)
            ]
            continue
        if len(rows) == MAX_ROWS:
            raise NotATable(_("This table has more than %(limit)d rows. Divide it.") % {"limit": MAX_ROWS})
        found = {key: cell.strip() for key, cell in zip(header, cells, strict=False) if key}
        if any(found.values()):
            rows.append(Row(where=where, cells=found))
    if not rows:
        raise NotATable(_("This table has no rows below its head."))
    return Table(rows=rows, unknown=unknown)


def _names(event: Event) -> dict[str, str]:
    """What a column's head may say, folded, and which column that is."""
    names = {_key(name): column for column, others in COLUMNS.items() for name in (column, *others)}
    for question in questions_of(event):
        if question.kind == QuestionKind.FILE:
            continue
        labels = question.label.data.values() if isinstance(question.label.data, dict) else [str(question.label)]
        for name in (*labels, question.identifier):
            names[_key(name)] = f"answers.{question.identifier}"
    # Of our own export: who has gone is not brought back by it.
    names.setdefault("state", "state")
    return names


def _is_product(head: str) -> bool:
    return _key(head).startswith(PRODUCT.strip())


def _key(text: str) -> str:
    return " ".join(text.replace("\ufeff", "").split()).casefold()


def _is_head(cells: Sequence[str], names: Mapping[str, str]) -> bool:
    return {"name", "email"} <= {names.get(_key(cell), "") for cell in cells}


def _csv(data: bytes, names: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    try:
        text = decode(data, warn=lambda _where, _reason: None, chinese=True).replace("\x00", "")
    except NotASchedule as error:
        raise NotATable(str(error)) from None
    first = next((line for line in text.lstrip("\ufeff").splitlines() if line.strip()), "")
    delimiter = next(
        (one for one in _DELIMITERS if _is_head(next(csv.reader([first], delimiter=one), []), names)), None
    )
    if delimiter is None:
        raise NotATable(_("The first line must name the columns, “name” and “email” among them."))
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=False)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _("line %(line)d") % {"line": reader.line_num}, [_without_apostrophe(cell) for cell in cells]
    except csv.Error as error:
        raise NotATable(
            _("This CSV file is damaged in line %(line)d: %(reason)s") % {"line": reader.line_num, "reason": error}
        ) from None


def _without_apostrophe(cell: str) -> str:
    """Our own export puts one before what a spreadsheet would take for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@\t\r\n") else cell


def _workbook(data: bytes, names: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    try:
        for sheet, rows in workbooks.sheets(data):
            is_below = False
            for number, row in rows:
                cells = ["no" if value is False else workbooks.as_text(value) for value in row]
                is_below = is_below or _is_head(cells, names)
                if is_below:
                    yield _("sheet “%(sheet)s”, row %(row)d") % {"sheet": sheet[:40], "row": number}, cells
            if is_below:
                return
    except BadWorkbook as error:
        raise NotATable(str(error)) from None
    raise NotATable(_("No sheet of this workbook names the columns “name” and “email”."))


# -- What would happen --------------------------------------------------------------------------------------------------


def preview(*, event: Event, table: Table, now: datetime) -> list[Outcome]:
    """What taking the table over would do, row by row; nothing is written, and a constant number of queries."""
    return [outcome for outcome, _wish, _stored in _Planner(event, now).plan(table)]


def apply(*, event: Event, table: Table, actor: User | None, now: datetime) -> list[Outcome]:
    """Take the table over, each row in a transaction of its own: register who is new, change who is here already.

    Who is new gets a place or, where there is none, one in line, and the mail that goes with it. Rows that cannot be taken
    are told and leave the others alone. Idempotent.
    """
    outcomes = []
    for outcome, wish, stored in _Planner(event, now).plan(table):
        outcomes.append(outcome)
        if wish is None or outcome.what not in {"added", "changed"}:
            continue
        try:
            if stored is None:
                assert wish.ticket_type is not None
                made = registering.register(
                    event=event,
                    ticket_type=wish.ticket_type,
                    answers=wish.answers,
                    actor=actor,
                    now=now,
                    **{"language": event.language, **wish.fields},
                )
                outcome.state = made.state
            else:
                changes = {name: value for name, value in wish.fields.items() if name != "email"}
                places.change_registration(
                    registration=stored, changes={**changes, "answers": wish.answers}, actor=actor, now=now
                )
                if wish.ticket_type is not None and wish.ticket_type.pk != stored.ticket_type_id:
                    places.move_to_ticket(registration=stored, ticket_type=wish.ticket_type, actor=actor, now=now)
                outcome.state = stored.state
        except Refusal as refusal:
            outcome.what, outcome.reasons = "refused", _reasons(refusal.problems)
    return outcomes


class _Planner:
    def __init__(self, event: Event, now: datetime) -> None:
        self.event, self.now = event, now
        self.questions = {question.identifier: question for question in questions_of(event)}
        self.tickets = list(event.ticket_types.in_order())
        self.countries = _country_codes()
        self.languages = {_key(word): code for code, name in settings.LANGUAGES for word in (code, str(name))}

    def plan(self, table: Table) -> Iterator[tuple[Outcome, _Wish | None, Registration | None]]:
        keys = [email_key(row.cells.get("email", "")) for row in table.rows]
        here = {
            registration.email_key: registration
            for registration in Registration.objects.live()
            .filter(event=self.event, email_key__in=keys)
            .with_details()
            .select_related("event")
        }
        seen: dict[str, str] = {}
        for row, key in zip(table.rows, keys, strict=True):
            stored = here.get(key)
            outcome = Outcome(
                where=row.where, name=row.cells.get("name", ""), email=row.cells.get("email", ""), what="added"
            )
            wish, outcome.reasons = self._wish(row, stored)
            if key and key in seen:
                outcome.reasons.append(_("The same address stands in %(where)s.") % {"where": seen[key]})
            seen.setdefault(key, row.where)
            if outcome.reasons:
                outcome.what, wish = "refused", None
            elif stored is not None and wish is not None:
                outcome.changes = self._changes(stored, wish)
                outcome.what = "changed" if outcome.changes else "same"
            yield outcome, wish, stored

    def _wish(self, row: Row, stored: Registration | None) -> tuple[_Wish | None, list[str]]:
        cells, reasons = row.cells, []
        fields: dict[str, Any] = {
            name: cells[name]
            for name in ("name", "family_name", "native_name", "email", "affiliation")
            if name in cells
        }
        if stored is None and cells.get("state") in set(RegistrationState) - IS_LIVE:
            gone = RegistrationState(cells["state"]).label
            reasons.append(_("This registration is %(state)s, and stays so.") % {"state": gone})
        if not cells.get("name"):
            reasons.append(_("The name is missing."))
        elif cells.get("family_name") and not has_part(cells["name"], cells["family_name"]):
            reasons.append(_("“%(text)s” is no part of the name.") % {"text": cells["family_name"][:80]})
        try:
            validate_email(cells.get("email", ""))
        except ValidationError:
            reasons.append(_("“%(text)s” is no e-mail address.") % {"text": cells.get("email", "")[:80]})
        if "country" in cells:
            fields["country"] = self.countries.get(_key(cells["country"]), "")
            if cells["country"] and not fields["country"]:
                reasons.append(_("“%(text)s” is no country that is known here.") % {"text": cells["country"][:80]})
        if cells.get("language"):
            fields["language"] = self.languages.get(_key(cells["language"]), "")
            if not fields["language"]:
                reasons.append(
                    _("“%(text)s” is no language that mails are written in.") % {"text": cells["language"][:40]}
                )
        ticket, reason = self._ticket(cells.get("ticket", ""), stored)
        reasons += [reason] if reason else []
        answers = {
            name: answer_in(question, cells[f"answers.{name}"])
            for name, question in self.questions.items()
            if f"answers.{name}" in cells
        }
        if stored is None and ticket is not None:
            # An organizer may register people before it opens and after it closes.
            early_or_late = {"registration_not_open", "registration_closed"}
            problems = [p for p in problems_with_time(self.event, ticket, self.now) if p.code not in early_or_late]
            reasons += _reasons(problems)
        read = self._read(answers, ticket, stored, fields.get("country", ""))
        reasons += _reasons(read.problems)
        return _Wish(
            ticket_type=ticket, fields=fields, answers={name: read.values.get(name) for name in answers}
        ), reasons

    def _read(
        self, answers: Mapping[str, Any], ticket: TicketType | None, stored: Registration | None, country: str
    ) -> Read:
        """The answers as they would be stored, beside those that are; files are sent by hand."""
        before = {answer.question.identifier: answer.value for answer in stored.answers.all()} if stored else {}
        questions = [question for question in self.questions.values() if question.kind != QuestionKind.FILE]
        names = {question.identifier for question in questions}
        before = {name: value for name, value in before.items() if name in names}
        if ticket is None and stored is not None:
            ticket = stored.ticket_type
        read = read_answers(
            questions,
            {**before, **answers},
            ticket_id=ticket.pk if ticket else None,
            country=country or (str(stored.country) if stored else ""),
            stored=before,
        )
        # Of somebody who is here, what the table does not speak of stands as it is.
        problems = [p for p in read.problems if stored is None or p.field.removeprefix("answers.") in answers]
        return Read(values=read.values, problems=problems)

    def _ticket(self, text: str, stored: Registration | None) -> tuple[TicketType | None, str]:
        if not text:
            if stored is not None:
                return None, ""
            if len(self.tickets) == 1:
                return self.tickets[0], ""
            return None, _("The ticket is missing: this event has several.")
        for ticket in self.tickets:
            names = ticket.name.data.values() if isinstance(ticket.name.data, dict) else [str(ticket.name)]
            if text == str(ticket.pk) or _key(text) in {_key(name) for name in names}:
                return ticket, ""
        return None, _("“%(text)s” is no ticket of this event.") % {"text": text[:80]}

    def _changes(self, stored: Registration, wish: _Wish) -> list[tuple[str, str, str]]:
        changes = [
            (str(_LABELS[name]), str(getattr(stored, name)), value)
            for name, value in wish.fields.items()
            if name != "email" and str(getattr(stored, name)) != value
        ]
        before = {answer.question.identifier: answer for answer in stored.answers.all()}
        for name, value in wish.answers.items():
            old = before.get(name)
            if (old.value if old else None) != value:
                question = self.questions[name]
                new = "" if value is None else words_of(question, value)
                changes.append((str(question.label), old.in_words() if old else "", new))
        if wish.ticket_type is not None and wish.ticket_type.pk != stored.ticket_type_id:
            changes.append((_("Ticket"), str(stored.ticket_type.name), str(wish.ticket_type.name)))
        return changes


_LABELS: Final = {
    "name": gettext_lazy("Name"),
    "family_name": gettext_lazy("Family name"),
    "native_name": gettext_lazy("Name in its own script"),
    "affiliation": gettext_lazy("Institution"),
    "country": gettext_lazy("Country or region"),
    "language": gettext_lazy("Language of mails"),
}


def answer_in(question: Question, text: str) -> Any:
    """A cell as the value that answers take; what cannot be understood stays text, for which the question says why not."""
    if not text:
        return None
    return _READERS.get(QuestionKind(question.kind), _as_it_is)(question, text)


def _as_it_is(_question: Question, text: str) -> str:
    return text


def _yes_or_no(_question: Question, text: str) -> bool | str:
    return True if _key(text) in _YES else False if _key(text) in _NO else text


def _number(_question: Question, text: str) -> Decimal | str:
    try:
        return Decimal(text.replace(" ", ""))
    except InvalidOperation:
        return text


def _day(_question: Question, text: str) -> str:
    """Workbooks have days with a time of midnight."""
    return text[:10] if text[10:] in {" 00:00:00", "T00:00:00"} else text


def _country(_question: Question, text: str) -> str:
    return _country_codes().get(_key(text), text)


def _choice(question: Question, text: str) -> Any:
    for option in question.options:
        if _key(text) in {_key(option["identifier"]), *map(_key, option["label"].values())}:
            return option["identifier"]
    return {"other": text} if question.settings.get("has_other") else text


def _choices(question: Question, text: str) -> list[Any]:
    return [_choice(question, part.strip()) for part in re.split("[;；\n]", text) if part.strip()]


_READERS: Final[Mapping[QuestionKind, Any]] = {
    QuestionKind.YES_NO: _yes_or_no,
    QuestionKind.CONSENT: _yes_or_no,
    QuestionKind.NUMBER: _number,
    QuestionKind.DATE: _day,
    QuestionKind.COUNTRY: _country,
    QuestionKind.CHOICE: _choice,
    QuestionKind.MULTIPLE_CHOICE: _choices,
}


@functools.cache
def _country_codes() -> dict[str, str]:
    codes: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            codes |= {_key(str(name)): code for code, name in countries}
    return {**codes, **{_key(code): code for code, _name in countries}}


def _reasons(problems: Sequence[Any]) -> list[str]:
    return [f"{problem.message} {problem.fix}".strip() for problem in problems]


def template(event: Event) -> list[list[str]]:
    """A head with the event's own questions, and one row to overwrite."""
    questions = [question for question in questions_of(event) if question.kind != QuestionKind.FILE]
    ticket = event.ticket_types.in_order().first()
    head = [*COLUMNS, *(question.identifier for question in questions)]
    example = [
        "Wang Fang",
        "Wang",
        "王芳",
        "fang.wang@example.edu",
        str(ticket.name) if ticket else "",
        "Jiangnan University",
        "CN",
        event.language,
    ]
    return [head, [*example, *("" for _question in questions)]]
