"""What readers starred, as a calendar that follows the programme.

Source: docs/howto/use-the-exports.md
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from common.calendars import join_calendars
from events.models import Event
from scheduling.models import Agenda, AgendaItem, Artifact
from scheduling.services.serving import Pointer
from submissions.models import Submission

#: Sessions in one agenda. The longest programme that we know of has 1,351; nobody can go to half of it.
MOST_SESSIONS: Final = 500
#: How long after an event's last day its agendas are kept.
KEPT_FOR: Final = timedelta(days=90)


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """`tag` is another as soon as anything in `calendar` is."""

    agenda: Agenda
    codes: tuple[str, ...]
    tag: str


@transaction.atomic
def create_agenda(*, event: Event, codes: Collection[str], now: datetime) -> tuple[Agenda, str]:
    """Keep these sessions for a calendar to follow; the token is known to whoever asked and to nobody else, us included.

    Codes that are in no release of this event are left out: stars are older than agendas, and nobody learns what is not public.
    """
    token = Agenda.new_token()
    agenda = Agenda.objects.create(event=event, token_digest=Agenda.digest_of(token), created_at=now, updated_at=now)
    _add(agenda, _published(event, codes))
    return agenda, token


@transaction.atomic
def replace_sessions(*, agenda: Agenda, codes: Collection[str], now: datetime) -> None:
    """The agenda holds these sessions and no others, as `create_agenda` would. Locks the agenda's row. Idempotent."""
    agenda = Agenda.objects.select_for_update(of=("self",)).select_related("event").get(pk=agenda.pk)
    wanted = _published(agenda.event, codes)
    kept = set(agenda.items.values_list("submission_id", flat=True))
    if wanted == kept:
        return
    agenda.items.exclude(submission__in=wanted).delete()
    _add(agenda, wanted - kept)
    agenda.updated_at = now
    agenda.save(update_fields=["updated_at"])


def delete_agenda(*, agenda: Agenda) -> None:
    """Its address answers 404 from now on."""
    agenda.delete()


def sweep(*, now: datetime) -> int:
    """Delete the agendas of events that were over long ago (KEPT_FOR); returns how many. Idempotent."""
    gone = Agenda.objects.expired(now - KEPT_FOR)
    count = gone.count()
    gone.delete()
    return count


def codes_of(agenda: Agenda) -> tuple[str, ...]:
    return tuple(agenda.items.order_by("submission__code").values_list("submission__code", flat=True))


def feed_of(agenda: Agenda, pointer: Pointer) -> Feed:
    """One query. `pointer`: to the release that the feed shall tell of."""
    codes = codes_of(agenda)
    known = "\n".join([str(pointer.current), pointer.stamp, *codes])
    return Feed(agenda=agenda, codes=codes, tag=hashlib.sha256(known.encode()).hexdigest()[:32])


def calendar_of(feed: Feed, pointer: Pointer) -> bytes:
    """The calendars of its sessions in one. A release has them ready, with those that it or an earlier one called off, so that an
    agenda says nothing that is not public."""
    event = feed.agenda.event
    paths = [f"sessions/{code}.ics" for code in feed.codes]
    calendars = Artifact.objects.filter(schedule=pointer.current, path__in=paths).order_by("path")
    language = event.language if event.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    with translation.override(language):
        name = _("My sessions: %(event)s") % {"event": event.name.localize(event.language)}
    return join_calendars(
        (gzip.decompress(body) for body in calendars.values_list("gzip", flat=True)), name=name, tz=event.tz
    )


def _published(event: Event, codes: Collection[str]) -> set[int]:
    return set(
        Submission.objects.filter(
            event=event, code__in=codes, slots__schedule__version__isnull=False, slots__schedule__event=event
        ).values_list("pk", flat=True)
    )


def _add(agenda: Agenda, submissions: Collection[int]) -> None:
    AgendaItem.objects.bulk_create(AgendaItem(agenda=agenda, submission_id=pk) for pk in sorted(submissions))
