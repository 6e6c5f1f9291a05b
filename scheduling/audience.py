"""Speakers, as an audience of campaigns."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from common.text import email_key
from notifications.audiences import Audience, Person, Wanted, register_audience
from scheduling import notices
from submissions.models import ON_THE_PROGRAMME, Speaker

CODE: Final = "speakers"


def register() -> None:
    register_audience(
        Audience(code=CODE, title=gettext_lazy("Speakers on the programme"), addresses=addresses, people=people)
    )


def _speakers(event_id: int) -> QuerySet[Speaker]:
    found = Speaker.objects.filter(event=event_id, talks__submission__state__in=ON_THE_PROGRAMME).distinct()
    return found.select_related("person__user", "event")


def addresses(event_id: int, wanted: Wanted) -> Iterator[tuple[int, str]]:
    for speaker in _speakers(event_id).order_by("pk"):
        to = notices.recipient(speaker, language=speaker.event.language)
        if to is not None:
            yield speaker.pk, email_key(to.email)


def people(event_id: int, numbers: Collection[int]) -> Iterator[Person]:
    for speaker in _speakers(event_id).filter(pk__in=numbers):
        event = speaker.event
        to = notices.recipient(speaker, language=event.language)
        if to is not None:
            context = {
                "name": speaker.name,
                "event": event.name.localize(to.language),
                "link": settings.PUBLIC_URL + event.get_absolute_url(),
            }
            yield Person(number=speaker.pk, to=to, context=context)
