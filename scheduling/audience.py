"""Speakers, and chairs, as audiences of campaigns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from common.text import email_key
from notifications.audiences import Audience, Person, Wanted, register_audience
from scheduling import notices
from scheduling.sources import live_slots
from submissions.models import ON_THE_PROGRAMME, Speaker

_Find = Callable[[int], QuerySet[Speaker]]


def register() -> None:
    for code, title, find in (
        ("chairs", gettext_lazy("Chairs of sessions"), _chairs),
        ("speakers", gettext_lazy("Speakers on the programme"), _speakers),
    ):
        register_audience(
            Audience(code=code, title=title, addresses=partial(_addresses, find), people=partial(_people, find))
        )


def _speakers(event_id: int) -> QuerySet[Speaker]:
    return Speaker.objects.filter(event=event_id, talks__submission__state__in=ON_THE_PROGRAMME)


def _chairs(event_id: int) -> QuerySet[Speaker]:
    """Of the current release."""
    return Speaker.objects.filter(event=event_id, chaired_slots__in=live_slots(event_id))


def _addresses(find: _Find, event_id: int, wanted: Wanted) -> Iterator[tuple[int, str]]:
    for speaker in find(event_id).distinct().select_related("person__user", "event").order_by("pk"):
        to = notices.recipient(speaker, language=speaker.event.language)
        if to is not None:
            yield speaker.pk, email_key(to.email)


def _people(find: _Find, event_id: int, numbers: Collection[int]) -> Iterator[Person]:
    for speaker in find(event_id).filter(pk__in=numbers).distinct().select_related("person__user", "event"):
        event = speaker.event
        to = notices.recipient(speaker, language=event.language)
        if to is not None:
            context = {
                "name": speaker.name,
                "event": event.name.localize(to.language),
                "link": settings.PUBLIC_URL + event.get_absolute_url(),
            }
            yield Person(number=speaker.pk, to=to, context=context)
