"""What somebody may ask for of their own registration: all of it, and that it be forgotten.

Source: GDPR (EU) 2016/679 articles 15, 17 and 20; Personal Information Protection Law of the PRC, articles 45 and 47.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Person, User
from common import audit, idempotency
from common.audit import ERASED
from common.codes import new_secret
from common.models import AuditEntry
from common.problems import Problem, Refusal
from notifications.models import Message
from notifications.services.erasure import erase_messages
from registrations import notices
from registrations.models import Answer, CheckIn, FollowedAgenda, Registration
from registrations.services import places
from registrations.services.answers import KEPT_UNATTACHED
from scheduling.models import AgendaItem
from submissions.models import Speaker


class CannotErase(Refusal):
    """Code `is_erased`."""


def own_data(registration: Registration) -> dict[str, Any]:
    """Everything that is stored about one registration, as plain values in the event's zone; a constant number of queries."""
    event = registration.event

    def local(at: datetime | None) -> str | None:
        return at.astimezone(event.tz).isoformat(timespec="seconds") if at else None

    fields = ("code", "state", "name", "family_name", "native_name", "email", "language", "affiliation", "currency")
    return {
        "event": {"slug": event.slug, "name": str(event.name), "time_zone": event.time_zone},
        "registration": {
            **{name: getattr(registration, name) for name in fields},
            "country": str(registration.country),
            "ticket": str(registration.ticket_type.name),
            "amount": str(registration.amount),
            "registered_at": local(registration.registered_at),
            "changed_at": local(registration.state_changed_at),
            "cancelled_at": local(registration.cancelled_at),
        },
        "answers": [
            {"question": str(answer.version.label), "answer": answer.in_words(), "value": answer.value}
            for answer in registration.answers.all()
        ],
        "files": [
            {"name": file.name, "type": file.media_type, "bytes": file.size, "sent_at": local(file.uploaded_at)}
            for file in registration.files.all()
        ],
        "starred": list(
            AgendaItem.objects.filter(
                agenda__in=FollowedAgenda.objects.filter(registration=registration).values("agenda")
            )
            .order_by("submission__code")
            .values_list("submission__code", flat=True)
        ),
        "check_ins": [
            {"list": row.list_name, "result": row.result, "scanned_at": local(row.scanned_at), "device": row.device}
            for row in CheckIn.objects.filter(registration=registration).order_by("received_at", "pk")
        ],
        "mails": [
            {
                "kind": row.kind,
                "subject": row.subject,
                "state": row.state,
                "sent_at": local(row.sent_at),
                "text": row.rendered.get("text", ""),
            }
            for row in Message.objects.filter(event_id=event.pk, about=notices.about(registration)).order_by("pk")
        ],
        "history": [
            {"at": local(entry.at), "what": entry.verb, "details": entry.details}
            for entry in _entries(registration).order_by("at", "pk")
        ],
    }


@transaction.atomic
def erase_registration(*, registration: Registration, actor: User | None, now: datetime) -> Registration:
    """Forget who this was. What others count stays: that there was a registration, its ticket, country, money and scans.

    A live registration is cancelled first, so that its place goes to the next in line. Answers, mails, the words of the
    history and what the API keeps of its answers go, and the link in the mail opens nothing any more. The person is forgotten too where they have no account and
    nothing else here. Locks the event's quotas, then the row. Audit "registration_erased". Raises CannotErase.
    """
    if registration.is_live:
        places.cancel_registration(registration=registration, actor=actor, now=now)
    stored = (
        Registration.objects.select_for_update(of=("self",)).select_related("event", "person").get(pk=registration.pk)
    )
    if stored.erased_at is not None:
        raise CannotErase([Problem(code="is_erased", message=_("These data have been erased already."))])
    erase_messages(event_id=stored.event_id, about=[notices.about(stored)], address=stored.email)
    Answer.objects.filter(registration=stored).delete()
    FollowedAgenda.objects.filter(registration=stored).delete()
    # Nobody's and old enough: the next sweep deletes them.
    stored.files.update(registration=None, uploaded_at=now - KEPT_UNATTACHED, name="")
    # The code as JSON has it: six characters alone may stand in any word.
    idempotency.erase(traces=[stored.email, stored.secret, f'"{stored.code}"'])
    _entries(stored).update(subject_label=stored.code, details={})
    stored.name, stored.family_name, stored.native_name, stored.affiliation = ERASED, "", "", ""
    stored.institution = None
    stored.email, stored.email_key = "", f"erased:{stored.pk}"
    stored.secret, stored.search_text, stored.erased_at = new_secret(), stored.code.casefold(), now
    stored.save()
    _forget(stored.person)
    audit.record(actor=actor, verb="registration_erased", subject=stored, at=now, event_id=stored.event_id)
    registration.erased_at = now
    return stored


def _forget(person: Person) -> None:
    """Unless something else here is theirs."""
    others = Registration.objects.filter(person=person, erased_at=None).exists()
    if person.user_id or others or Speaker.objects.filter(person=person).exists():
        return
    person.name, person.family_name, person.native_name = ERASED, "", ""
    person.affiliation, person.orcid = "", ""
    person.email, person.email_key, person.country, person.institution = "", None, "", None
    person.save()


def _entries(registration: Registration) -> Any:
    return AuditEntry.objects.filter(
        event_id=registration.event_id,
        subject_type=registration._meta.label_lower,
        subject_id=str(registration.pk),
    )
