"""Whose agenda it is: what turns stars in a browser into somebody who can be told. Source: docs/howto/set-reminders.md"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.problems import Problem, Refusal
from common.reads import Tuples, read
from registrations.models import FollowedAgenda, Registration, RegistrationState
from registrations.services.places import may_change
from scheduling.models import TOKEN_PATTERN, Agenda

#: The address of the calendar as people copy it, or the token alone.
_ADDRESS: Final = re.compile(rf"(?:.*/)?({TOKEN_PATTERN})(?:\.ics|/)?")


class CannotFollow(Refusal):
    """Codes `no_such_agenda`, and those of a registration that nothing may be changed of."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """Of one registration. `sessions`: how many are starred."""

    is_followed: bool
    sessions: int = 0


def agenda_of(registration: Registration) -> Own | None:
    """None where there is nothing to be reminded of: no place, or no programme. One query at most."""
    if registration.state != RegistrationState.CONFIRMED:
        return None
    # In SQL, as in `services.quotas`: everybody who registers sees it next.
    ((counted,),) = read(
        Tuples(
            """
            SELECT (
                SELECT count(item.id) FROM registrations_followedagenda AS followed
                LEFT JOIN scheduling_agendaitem AS item ON item.agenda_id = followed.agenda_id
                WHERE followed.registration_id = %s GROUP BY followed.id
            ), EXISTS (
                SELECT FROM scheduling_slot AS slot JOIN scheduling_schedule AS schedule ON schedule.id = slot.schedule_id
                WHERE schedule.event_id = %s AND slot.is_live
            )
            """,
            [registration.pk, registration.event_id],
        )
    )
    sessions, has_programme = counted
    if sessions is not None:
        return Own(is_followed=True, sessions=sessions)
    return Own(is_followed=False) if has_programme else None


@transaction.atomic
def follow_agenda(*, registration: Registration, address: str, actor: User | None, now: datetime) -> FollowedAgenda:
    """From now on this person is told of the sessions in the agenda with this address, wherever organizers remind those who
    starred a session. Takes the place of the one before. Locks the registration. Audit "agenda_followed". Idempotent."""
    stored = may_change(registration, actor, now)
    token = _ADDRESS.fullmatch(address.strip())
    agenda = Agenda.objects.with_token(token[1]).filter(event=stored.event_id).first() if token else None
    if agenda is None:
        raise CannotFollow([_no_such_agenda()])
    known = FollowedAgenda.objects.filter(registration=stored).first()
    if known and known.agenda_id == agenda.pk:
        return known
    followed, _is_new = FollowedAgenda.objects.update_or_create(
        registration=stored, defaults={"agenda": agenda, "followed_at": now}
    )
    audit.record(actor=actor, verb="agenda_followed", subject=stored, at=now, event_id=stored.event_id)
    return followed


@transaction.atomic
def leave_agenda(*, registration: Registration, actor: User | None, now: datetime) -> None:
    """The agenda is nobody's again; the planner withdraws what is queued. Audit "agenda_left". Idempotent."""
    deleted, _rows = FollowedAgenda.objects.filter(registration=registration).delete()
    if deleted:
        audit.record(actor=actor, verb="agenda_left", subject=registration, at=now, event_id=registration.event_id)


def _no_such_agenda() -> Problem:
    return Problem(
        code="no_such_agenda",
        field="address",
        message=_("This is not the address of an agenda of this event."),
        fix=_("Open the programme, star a session, and copy the address under “My stars in my calendar”."),
    )
