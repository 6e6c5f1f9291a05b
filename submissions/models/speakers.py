from __future__ import annotations

import uuid

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField
from i18nfield.fields import I18nTextField

from common.codes import new_code, validate_code
from common.text import validate_single_line


class SpeakerQuerySet(models.QuerySet["Speaker"]):
    def in_order(self) -> SpeakerQuerySet:
        return self.order_by("name", "pk")


class Speaker(models.Model):
    """A person at one event's programme: what the public reads about them there."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="speakers")
    # None until it is known who this is across events: an imported programme carries names, not addresses.
    person = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="speakers"
    )
    code = models.CharField(max_length=6, default=new_code, validators=[validate_code], editable=False)
    guid = models.UUIDField(default=uuid.uuid4, editable=False)
    # The id in the file that the speaker came from; a second import finds the row by it.
    source_id = models.CharField(max_length=200, blank=True, editable=False)
    name = models.CharField(_("name"), max_length=200, validators=[validate_single_line])
    native_name = models.CharField(
        _("name in its own script"), max_length=200, blank=True, validators=[validate_single_line]
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    language = models.CharField(_("language of mails"), max_length=10, blank=True)
    affiliation = models.CharField(_("affiliation"), max_length=300, blank=True, validators=[validate_single_line])
    country = CountryField(_("country"), blank=True)
    biography = I18nTextField(_("biography"), blank=True)
    is_keynote = models.BooleanField(_("keynote speaker"), default=False)

    objects = SpeakerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "code"], name="submissions_speaker_code_once_per_event"),
            models.UniqueConstraint(fields=["event", "guid"], name="submissions_speaker_guid_once_per_event"),
        ]
        indexes = [models.Index(fields=["event", "name"], name="submissions_speaker_by_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("scheduling:speaker", args=[self.event.slug, self.code])


class Availability(models.Model):
    """A stretch of time in which a speaker can come. Somebody without any has said nothing, and can come at all times."""

    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="availabilities")
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="submissions_availability_ends_after_it_starts",
                violation_error_message=_("The end must come after the beginning."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}–{self.ends_at:%Y-%m-%d %H:%M}"
