"""What was changed of a registration, from what to what: as it is kept with the audit entry, and as organizers read it.

An entry keeps words, not references: a question may change or go, and what was answered then does not. An event's languages
are all kept, so that each organizer reads their own. Answers that are sensitive, and files, are kept by the question's name
alone. All of it is erased with the person (`services.own_data`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django_countries import countries
from i18nfield.strings import LazyI18nString

from common.models import AuditEntry
from registrations.models import Answer, QuestionKind, Registration, words_of

#: In the order in which people read them.
_FIELDS: Final = ("name", "family_name", "native_name", "affiliation", "institution", "country", "language")
#: Characters of one value; who wrote more changed a part of it.
_LONGEST: Final = 500


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A registration as it was at a moment. `answers`: by question."""

    fields: Mapping[str, str]
    answers: Mapping[int, Answer] = field(default_factory=dict)


def snapshot(registration: Registration, *, with_answers: bool) -> Snapshot:
    """One query for the answers, none without."""
    fields = {name: str(getattr(registration, name) or "") for name in _FIELDS}
    if not with_answers:
        return Snapshot(fields=fields)
    answers = Answer.objects.filter(registration=registration).select_related("question__section", "version")
    return Snapshot(fields=fields, answers={answer.question_id: answer for answer in answers})


def differences(before: Snapshot, after: Snapshot, locales: list[str]) -> list[dict[str, Any]]:
    """Plain data: `field` or `label{}`, and `old` and `new` unless they are not to be told."""
    found: list[dict[str, Any]] = [
        {"field": name, "old": old[:_LONGEST], "new": after.fields[name][:_LONGEST]}
        for name, old in before.fields.items()
        if old != after.fields[name]
    ]
    for pk in {**before.answers, **after.answers}:
        old_answer, new_answer = before.answers.get(pk), after.answers.get(pk)
        if (old_answer and old_answer.value) != (new_answer and new_answer.value):
            found.append(_of_answers(old_answer, new_answer, locales))
    return found


def _of_answers(old: Answer | None, new: Answer | None, locales: list[str]) -> dict[str, Any]:
    named = new or old
    assert named is not None
    change: dict[str, Any] = {"label": _in_each(locales, lambda: str(named.version.label))}
    if named.question.is_sensitive or named.version.kind == QuestionKind.FILE:
        return change
    for name, answer in (("old", old), ("new", new)):
        change[name] = _in_each(locales, lambda answer=answer: words_of(answer.version, answer.value)) if answer else {}
    return change


def _in_each(locales: list[str], words: Any) -> dict[str, str]:
    texts = {}
    for language in locales:
        with translation.override(language):
            texts[language] = words()[:_LONGEST]
    return texts


# -- For people ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Change:
    """`is_told` is false where values are not kept; empty values were, or became, nothing."""

    label: str
    old: str = ""
    new: str = ""
    is_told: bool = True


def changes_of(entry: AuditEntry) -> list[Change]:
    """What a history says of one entry; nothing of what was erased, or written before values were kept."""
    details = entry.details
    if entry.verb == "registration_moved" and "new" in details:
        return [Change(label=_("Ticket"), old=details.get("old", ""), new=details["new"])]
    if entry.verb == "products_changed":
        return [Change(label=name, new=str(quantity)) for name, quantity in details.get("products", {}).items()]
    return [_change(kept) for kept in details.get("changes", [])]


def _change(kept: Mapping[str, Any]) -> Change:
    if name := kept.get("field"):
        label = capfirst(str(Registration._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
        return Change(label=label, old=_named(name, kept["old"]), new=_named(name, kept["new"]))
    label = str(LazyI18nString(kept["label"]))
    if "old" not in kept:
        return Change(label=label, is_told=False)
    return Change(label=label, old=str(LazyI18nString(kept["old"])), new=str(LazyI18nString(kept["new"])))


def _named(name: str, value: str) -> str:
    if name == "country":
        return str(countries.name(value) or value)
    if name == "language":
        return dict(settings.LANGUAGES).get(value, value)
    return value
