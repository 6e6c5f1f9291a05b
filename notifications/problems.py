"""Why words for a mail, or a rule, cannot be saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from common.problems import Problem
from common.text import validate_plain_text, validate_single_line
from notifications.models import MAX_OFFSET_MINUTES, Anchor, Audience
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


def problems_with_rule(*, anchor: str, audience: str, offset_minutes: object, is_supported: bool) -> list[Problem]:
    problems = []
    if anchor not in Anchor or audience not in Audience:
        return [Problem(code="unknown", field="anchor", message=_("There is no such reminder."))]
    if not is_supported:
        problems.append(
            Problem(
                code="unsupported",
                field="audience",
                message=_("Nobody can be reminded so: %(audience)s, before %(anchor)s.")
                % {"audience": Audience(audience).label, "anchor": Anchor(anchor).label},
                fix=_("Choose other recipients."),
            )
        )
    if (
        isinstance(offset_minutes, bool)
        or not isinstance(offset_minutes, int)
        or not 0 <= offset_minutes <= MAX_OFFSET_MINUTES
    ):
        problems.append(
            Problem(
                code="offset",
                field="offset_minutes",
                message=_("The time before must be between 0 minutes and %(days)s days.")
                % {"days": MAX_OFFSET_MINUTES // 1440},
            )
        )
    return problems
