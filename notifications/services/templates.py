"""An event's own words for a kind of mail."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Invalid, Problem
from notifications.models import MailTemplate
from notifications.notices import Notice, NoticeKind, Recipient
from notifications.origins import Origin
from notifications.problems import problems_with_words
from notifications.services import ledger, rendering
from notifications.services.reminders import TEST


def problems_with_template(kind: NoticeKind, *, subject: Localized, body: Localized) -> list[Problem]:
    problems = problems_with_words(kind.names, rendering.own_texts(rendering.as_localized(subject)), field="subject")
    problems += problems_with_words(kind.names, rendering.own_texts(rendering.as_localized(body)), field="body")
    if not kind.is_editable:
        problems.append(Problem(code="not_editable", message=_("The words of this mail cannot be changed.")))
    return problems


@transaction.atomic
def save_template(
    *, event_id: int, kind: NoticeKind, subject: Localized, body: Localized, actor: User | None, now: datetime
) -> MailTemplate | None:
    """Keep an event's own words; where all are empty, Lihu's are used again and None is returned. Raises Invalid."""
    if problems := problems_with_template(kind, subject=subject, body=body):
        raise Invalid(problems)
    subject, body = rendering.as_localized(subject), rendering.as_localized(body)
    if not subject and not body:
        reset_template(event_id=event_id, kind=kind, actor=actor, now=now)
        return None
    template, _created = MailTemplate.objects.update_or_create(
        event_id=event_id, kind=kind.code, defaults={"subject": subject, "body": body}
    )
    audit.record(actor=actor, verb="mail_words_changed", subject=template, at=now, event_id=event_id)
    return template


@transaction.atomic
def reset_template(*, event_id: int, kind: NoticeKind, actor: User | None, now: datetime) -> None:
    """Back to Lihu's words."""
    for template in MailTemplate.objects.select_for_update().filter(event_id=event_id, kind=kind.code):
        audit.record(actor=actor, verb="mail_words_reset", subject=template, at=now, event_id=event_id)
        template.delete()


def preview(
    kind: NoticeKind,
    *,
    language: str,
    subject: Localized,
    body: Localized,
    origin: Origin,
    context: Mapping[str, object] | None = None,
) -> rendering.Rendered:
    """How a mail with these words, saved or not, would look to a reader of `language`."""
    words = rendering.words_for(
        kind,
        language,
        subject=rendering.as_localized(subject),
        body=rendering.as_localized(body),
        locales=origin.locales,
    )
    return rendering.compose(kind, words, context or rendering.example_context(kind), origin=origin)


@transaction.atomic
def send_test(*, event_id: int, kind: NoticeKind, actor: User, now: datetime) -> None:
    """Mail the kind's example to `actor`, in the words that are saved."""
    notice = Notice(
        to=Recipient(email=actor.email, name=actor.name, language=actor.language, time_zone=actor.time_zone),
        about=f"{TEST}kind:{kind.code}",
        context=rendering.example_context(kind),
        revision=uuid.uuid4().hex,
        event_id=event_id,
    )
    ledger.notify(kind=kind, notice=notice, now=now)
