from __future__ import annotations

from submissions.models.speakers import Availability, Speaker, SpeakerQuerySet
from submissions.models.submissions import (
    ON_THE_PROGRAMME,
    Link,
    Submission,
    SubmissionKind,
    SubmissionQuerySet,
    SubmissionState,
    Talk,
)

__all__ = [
    "ON_THE_PROGRAMME",
    "Availability",
    "Link",
    "Speaker",
    "SpeakerQuerySet",
    "Submission",
    "SubmissionKind",
    "SubmissionQuerySet",
    "SubmissionState",
    "Talk",
]
