from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Invalid, Problem
from events.models import Event
from events.services.texts import assign, locked, take_over, validate
from notifications.services import ledger
from submissions.models import ON_THE_PROGRAMME, Speaker, Submission, SubmissionState, Talk


@transaction.atomic
def create_submission(
    *,
    event: Event,
    title: Localized,
    speakers: Sequence[Speaker] = (),
    actor: User | None,
    now: datetime,
    **fields: Any,
) -> Submission:
    """Add a session to the event; `speakers` in the order in which the programme names them.

    Audit "submission_created". Raises Invalid.
    """
    submission = Submission(event=event)
    assign(submission, {"title": title, **fields}, event.language)
    _refuse_strangers(submission, speakers)
    validate(submission)
    submission.save()
    _name(submission, speakers)
    audit.record(actor=actor, verb="submission_created", subject=submission, at=now, event_id=event.pk)
    return submission


@transaction.atomic
def update_submission(
    *,
    submission: Submission,
    changes: Mapping[str, Any],
    speakers: Sequence[Speaker] | None = None,
    actor: User | None,
    now: datetime,
) -> Submission:
    """Locks the row. `speakers` None leaves them as they are. Released schedules keep what they were made of.

    Audit "submission_changed" with the names of the fields. Raises Invalid.
    """
    stored = locked(submission)
    changed = set(assign(stored, changes, submission.event.language))
    _refuse_strangers(stored, speakers or ())
    if changed:
        validate(stored)
    if speakers is not None and [s.pk for s in speakers] != _named(stored):
        Talk.objects.filter(submission=stored).delete()
        _name(stored, speakers)
        changed.add("speakers")
    if changed:
        stored.updated_at = now
        stored.save()
        if "state" in changed and stored.state not in ON_THE_PROGRAMME:
            _withdraw_mail(stored, now)
        audit.record(
            actor=actor,
            verb="submission_changed",
            subject=stored,
            at=now,
            event_id=stored.event_id,
            fields=sorted(changed),
        )
    return take_over(submission, stored, changes)


@transaction.atomic
def delete_submission(*, submission: Submission, actor: User | None, now: datetime) -> None:
    """Take a session out of the event, and its slots out of the draft.

    One that was ever released is cancelled instead of deleted: a release never changes. Audit "submission_deleted" or
    "submission_cancelled". Cancelling it again changes nothing.
    """
    stored = locked(submission)
    taken_out, _rows = stored.slots.filter(schedule__version=None).delete()
    if stored.slots.exists():
        if stored.state == SubmissionState.CANCELLED and not taken_out:
            return
        stored.state = SubmissionState.CANCELLED
        stored.updated_at = now
        stored.save(update_fields=["state", "updated_at"])
        _withdraw_mail(stored, now)
        verb = "submission_cancelled"
    else:
        verb = "submission_deleted"
    audit.record(actor=actor, verb=verb, subject=stored, at=now, event_id=stored.event_id)
    if verb == "submission_deleted":
        stored.delete()
    else:
        take_over(submission, stored, ["state"])


def _withdraw_mail(submission: Submission, now: datetime) -> None:
    """Nobody is reminded of it, even before the next release tells that it is gone."""
    ledger.withdraw(about=[f"slot:{uid}" for uid in submission.slots.values_list("uid", flat=True)], now=now)


def _named(submission: Submission) -> list[int]:
    return list(submission.talks.order_by("position", "pk").values_list("speaker_id", flat=True))


def _name(submission: Submission, speakers: Sequence[Speaker]) -> None:
    Talk.objects.bulk_create(
        Talk(submission=submission, speaker=speaker, position=position)
        for position, speaker in enumerate(dict.fromkeys(speakers))
    )


def _refuse_strangers(submission: Submission, speakers: Sequence[Speaker]) -> None:
    problems = []
    if any(speaker.event_id != submission.event_id for speaker in speakers):
        problems.append(
            Problem(
                code="not_of_event",
                field="speakers",
                message=_("One of these speakers is not a speaker of this event."),
                fix=_("Add the speaker to this event first."),
            )
        )
    if submission.track is not None and submission.track.event_id != submission.event_id:
        problems.append(
            Problem(
                code="not_of_event",
                field="track",
                message=_("This track is not one of this event."),
                fix=_("Choose a track of this event."),
            )
        )
    if problems:
        raise Invalid(problems)
