from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from common.codes import new_code, validate_code
from common.validators import validate_web_address


class SubmissionKind(models.TextChoices):
    TALK = "talk", _("talk")
    KEYNOTE = "keynote", _("keynote")
    PLENARY = "plenary", _("plenary")
    PANEL = "panel", _("panel")
    WORKSHOP = "workshop", _("workshop")
    TUTORIAL = "tutorial", _("tutorial")
    LIGHTNING = "lightning", _("lightning talk")
    POSTER = "poster", _("poster")
    MEETING = "meeting", _("meeting")
    CEREMONY = "ceremony", _("ceremony")
    SOCIAL = "social", _("social event")
    OTHER = "other", _("other")


class SubmissionState(models.TextChoices):
    DRAFT = "draft", _("draft")
    SUBMITTED = "submitted", _("submitted")
    ACCEPTED = "accepted", _("accepted")
    CONFIRMED = "confirmed", _("confirmed")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn")
    CANCELLED = "cancelled", _("cancelled")


#: What may stand in a schedule.
ON_THE_PROGRAMME: Final = frozenset({SubmissionState.ACCEPTED, SubmissionState.CONFIRMED})


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def on_the_programme(self) -> SubmissionQuerySet:
        return self.filter(state__in=ON_THE_PROGRAMME)

    def with_people(self) -> SubmissionQuerySet:
        """With track and speakers in the order in which the programme names them (`submission.talks`)."""
        return self.select_related("track").prefetch_related(
            models.Prefetch("talks", Talk.objects.select_related("speaker").order_by("position", "pk"))
        )


class Submission(models.Model):
    """Something that is given at an event: a talk, poster, workshop, ceremony. When and where is its slots' matter."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="submissions")
    code = models.CharField(max_length=6, default=new_code, validators=[validate_code], editable=False)
    guid = models.UUIDField(default=uuid.uuid4, editable=False)
    source_id = models.CharField(max_length=200, blank=True, editable=False)
    title = I18nCharField(_("title"), max_length=500)
    subtitle = I18nCharField(_("subtitle"), max_length=500, blank=True)
    abstract = I18nTextField(_("abstract"), blank=True)
    description = I18nTextField(_("description"), blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=SubmissionKind, default=SubmissionKind.TALK)
    # The kind in the words of the programme that it came from, such as `BoF (45 minutes)`; exports repeat it.
    kind_label = models.CharField(max_length=100, blank=True)
    track = models.ForeignKey(
        "events.Track", null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    duration = models.DurationField(_("duration"), default=timedelta(minutes=30))
    language = models.CharField(_("language"), max_length=35, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=SubmissionState, default=SubmissionState.ACCEPTED)
    url = models.URLField(_("link"), max_length=500, blank=True, validators=[validate_web_address])
    do_not_record = models.BooleanField(_("not to be recorded"), default=False)
    # The organizers' guess, which the room is measured by.
    expected_attendance = models.PositiveIntegerField(_("people expected"), null=True, blank=True)
    speakers = models.ManyToManyField("submissions.Speaker", through="submissions.Talk", related_name="submissions")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "code"], name="submissions_submission_code_once_per_event"),
            models.UniqueConstraint(fields=["event", "guid"], name="submissions_submission_guid_once_per_event"),
            models.CheckConstraint(
                condition=Q(duration__gte=timedelta(0)), name="submissions_submission_duration_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["event", "state"], name="submissions_sub_by_state")]

    def __str__(self) -> str:
        return str(self.title)

    def get_absolute_url(self) -> str:
        return reverse("scheduling:session", args=[self.event.slug, self.code])


class Talk(models.Model):
    """One speaker's part in one submission, in the order in which the programme names them."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="talks")
    speaker = models.ForeignKey("submissions.Speaker", on_delete=models.CASCADE, related_name="talks")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "speaker"], name="submissions_talk_once")]

    def __str__(self) -> str:
        return f"{self.speaker}: {self.submission}"


class Link(models.Model):
    """A link or attachment of a submission: slides, a paper, a recording."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="links")
    title = models.CharField(_("title"), max_length=300, blank=True)
    url = models.URLField(_("address"), max_length=1000, validators=[validate_web_address])
    is_attachment = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.title or self.url
