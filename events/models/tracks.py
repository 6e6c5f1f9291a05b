from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

validate_colour = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write the colour as # and six digits, such as #1F7A8C."))


class Track(models.Model):
    """A theme that runs through an event's programme."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="tracks")
    name = I18nCharField(_("name"), max_length=200)
    colour = models.CharField(_("colour"), max_length=7, default="#1F7A8C", validators=[validate_colour])
    position = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["event", "position"], name="events_track_order")]

    def __str__(self) -> str:
        return str(self.name)
