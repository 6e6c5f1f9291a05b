"""Why words for a mail, or a rule, cannot be saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import time
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from common.problems import Problem
from common.text import validate_plain_text, validate_single_line
from notifications.models import MAX_DAYS_BEFORE, MAX_OFFSET_MINUTES, Anchor, Audience, ReminderRule
from notifications.words import Fault, faults_in

LONGEST: Final = {"subject": 300, "body": 20_000}


def problems_with_words(names: Collection[str], texts: Mapping[str, str], *, field: str) -> list[Problem]:
    """`names`: the placeholders that the kind of mail knows; `texts`: language → text, of a subject or body (`field`)."""
    validate = validate_plain_text if field == "body" else validate_single_line
    problems = []
    for language, text in texts.items():
        try:
            validate(text)
        except ValidationError as error:
            problems.append(_in(language, Problem(code=str(error.code), field=field, message=error.messages[0])))
            continue
        if len(text) > LONGEST[field]:
            problems.append(
                _in(
                    language,
                    Problem(
                        code="max_length",
                        field=field,
                        message=_("This has %(length)s characters.") % {"length": len(text)},
                        fix=_("Shorten it to %(most)s.") % {"most": LONGEST[field]},
                    ),
                )
            )
        problems += [_in(language, _of_fault(fault, names, field)) for fault in faults_in(text, names)]
    return problems


def _of_fault(fault: Fault, names: Collection[str], field: str) -> Problem:
    if fault.is_stray:
        return Problem(
            code="stray_brace",
            field=field,
            message=_("There is a %(brace)s without its partner.") % {"brace": fault.text},
            fix=_("Write %(double)s for a brace that readers shall see.") % {"double": fault.text * 2},
        )
    known = ", ".join(f"{{{name}}}" for name in sorted(names))
    return Problem(
        code="unknown_placeholder",
        field=field,
        message=_("%(placeholder)s is not a placeholder of this mail.") % {"placeholder": fault.text},
        fix=_("Use one of %(known)s.") % {"known": known} if known else _("This mail has no placeholders."),
    )


def _in(language: str, problem: Problem) -> Problem:
    name = dict(settings.LANGUAGES).get(language)
    if not name:
        return problem
    return Problem(code=problem.code, field=problem.field, message=f"{name}: {problem.message}", fix=problem.fix)


def problems_with_rule(rule: ReminderRule, *, is_supported: bool) -> list[Problem]:
    """Codes `unknown`, `unsupported`, `one_of`, `offset`, `days_before`, `at_time`."""
    if rule.anchor not in Anchor or rule.audience not in Audience:
        return [Problem(code="unknown", field="anchor", message=_("There is no such reminder."))]
    return [*([] if is_supported else [_unsupported(rule.anchor, rule.audience)]), *_problems_with_time(rule)]


def _unsupported(anchor: str, audience: str) -> Problem:
    """Says why, where there is a reason that will not go away by itself."""
    if audience == Audience.BOOKMARKED:
        message = _("Those who starred sessions can be written to once they have registered: they are attendees then.")
        fix = _("Choose attendees, or remind before each session.")
    else:
        message = _("Nobody can be reminded so: %(audience)s, before %(anchor)s.") % {
            "audience": Audience(audience).label,
            "anchor": Anchor(anchor).label,
        }
        fix = _("Choose other recipients.")
    return Problem(code="unsupported", field="audience", message=message, fix=fix)


def _problems_with_time(rule: ReminderRule) -> list[Problem]:
    by_clock = rule.days_before is not None or rule.at_time is not None
    if by_clock == (rule.offset_minutes is not None):
        return [
            Problem(
                code="one_of",
                field="offset_minutes",
                message=_("A reminder is either so many minutes before, or so many days before at a time of day."),
                fix=_("Give offset_minutes alone, or days_before and at_time."),
            )
        ]
    if not by_clock:
        if _is_whole(rule.offset_minutes, MAX_OFFSET_MINUTES):
            return []
        return [
            Problem(
                code="offset",
                field="offset_minutes",
                message=_("The time before must be between 0 minutes and %(days)s days.")
                % {"days": MAX_OFFSET_MINUTES // 1440},
            )
        ]
    problems = []
    if not _is_whole(rule.days_before, MAX_DAYS_BEFORE):
        problems.append(
            Problem(
                code="days_before",
                field="days_before",
                message=_("Say how many days before: 0 for the same day, at most %(days)s.")
                % {"days": MAX_DAYS_BEFORE},
            )
        )
    if not isinstance(rule.at_time, time) or rule.at_time.second or rule.at_time.microsecond or rule.at_time.tzinfo:
        problems.append(
            Problem(code="at_time", field="at_time", message=_("Say at what time of day, in whole minutes: 18:00."))
        )
    return problems


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
