from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField


class QuestionKind(models.TextChoices):
    TEXT = "text", _("text")
    CHOICE = "choice", _("choice")
    YES_NO = "yes_no", _("yes or no")
    COUNTRY = "country", _("country")


validate_identifier = RegexValidator(
    r"^[a-z][a-z0-9_]{0,39}\Z", _("Use small letters, digits and underscores, beginning with a letter.")
)


class Question(models.Model):
    """Something that an event asks everyone who registers."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="questions")
    # What `answers` in the API and the columns of exports call it.
    identifier = models.CharField(_("identifier"), max_length=40, validators=[validate_identifier])
    kind = models.CharField(_("kind"), max_length=10, choices=QuestionKind, default=QuestionKind.TEXT)
    label = I18nCharField(_("question"), max_length=300)
    help_text = I18nCharField(_("help"), max_length=500, blank=True)
    is_required = models.BooleanField(_("must be answered"), default=False)
    # No longer asked, but answered by some: kept for their answers.
    is_active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "identifier"],
                name="registrations_question_identifier_once_per_event",
                violation_error_message=_("Another question has this identifier."),
            )
        ]

    def __str__(self) -> str:
        return str(self.label)


class QuestionOption(models.Model):
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="options")
    identifier = models.CharField(max_length=40, validators=[validate_identifier])
    label = I18nCharField(_("label"), max_length=300)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["question", "identifier"], name="registrations_questionoption_identifier_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.label)
