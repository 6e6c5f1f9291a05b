from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from common import audit
from common.localized import Localized
from events.models import Event, Track
from events.services.texts import assign, change, locked, validate


@transaction.atomic
def create_track(
    *, event: Event, name: Localized, colour: str = "#1F7A8C", actor: User | None, now: datetime, **optional: Any
) -> Track:
    """A new track, last in the event's order unless `position` says otherwise. Audit "track_created"."""
    last = Track.objects.filter(event=event).aggregate(last=Max("position"))["last"]
    track = Track(event=event, position=0 if last is None else last + 1)
    assign(track, {"name": name, "colour": colour, **optional}, event.language)
    validate(track)
    track.save()
    audit.record(actor=actor, verb="track_created", subject=track, at=now, event_id=event.pk)
    return track


@transaction.atomic
def update_track(*, track: Track, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Track:
    """Audit "track_changed"."""
    if changed := change(track, changes, track.event.language):
        audit.record(
            actor=actor, verb="track_changed", subject=track, at=now, event_id=track.event_id, fields=sorted(changed)
        )
    return track


@transaction.atomic
def order_tracks(*, event: Event, tracks: Sequence[int], actor: User | None, now: datetime) -> None:
    """Put the event's tracks into this order (ids); the others follow in theirs. Audit "tracks_ordered"."""
    wanted = {pk: number for number, pk in enumerate(tracks)}
    rows = sorted(
        Track.objects.select_for_update().filter(event=event),
        key=lambda track: (wanted.get(track.pk, len(wanted)), track.position, track.pk),
    )
    for position, track in enumerate(rows):
        track.position = position
    Track.objects.bulk_update(rows, ["position"])
    audit.record(actor=actor, verb="tracks_ordered", subject=event, at=now, event_id=event.pk)


@transaction.atomic
def delete_track(*, track: Track, actor: User | None, now: datetime) -> None:
    """Its sessions stay, without a track. Audit "track_deleted"."""
    stored = locked(track)
    audit.record(actor=actor, verb="track_deleted", subject=stored, at=now, event_id=stored.event_id)
    stored.delete()
