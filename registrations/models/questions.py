from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from django.core.validators import RegexValidator
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField
from i18nfield.strings import LazyI18nString

from common.triggers import Revises


class QuestionKind(models.TextChoices):
    TEXT = "text", _("text")
    LONG_TEXT = "long_text", _("long text")
    NUMBER = "number", _("number")
    CHOICE = "choice", _("choice")
    MULTIPLE_CHOICE = "multiple_choice", _("multiple choice")
    YES_NO = "yes_no", _("yes or no")
    DATE = "date", _("date")
    COUNTRY = "country", _("country")
    PHONE = "phone", _("telephone number")
    FILE = "file", _("file")
    CONSENT = "consent", _("consent")


_K = QuestionKind
HAS_OPTIONS: Final = frozenset({_K.CHOICE, _K.MULTIPLE_CHOICE})
#: Whose answers other questions may depend on.
CAN_DECIDE: Final = frozenset({_K.CHOICE, _K.MULTIPLE_CHOICE, _K.YES_NO, _K.COUNTRY})
#: What can be set beside the words, by kind; see `registrations.problems.problems_with_settings` for what each may be.
SETTINGS: Final[Mapping[str, frozenset[str]]] = {
    _K.TEXT: frozenset(),
    _K.LONG_TEXT: frozenset(),
    _K.NUMBER: frozenset({"minimum", "maximum", "step", "unit"}),
    _K.CHOICE: frozenset({"has_other"}),
    _K.MULTIPLE_CHOICE: frozenset({"has_other", "at_least", "at_most"}),
    _K.YES_NO: frozenset(),
    _K.DATE: frozenset({"earliest", "latest"}),
    _K.COUNTRY: frozenset(),
    _K.PHONE: frozenset(),
    _K.FILE: frozenset({"file_types", "max_megabytes"}),
    _K.CONSENT: frozenset({"link"}),
}

validate_identifier = RegexValidator(
    r"^[a-z][a-z0-9_]{0,39}\Z", _("Use small letters, digits and underscores, beginning with a letter.")
)


class Option(TypedDict):
    """One answer to choose from."""

    identifier: str
    # Language code → words.
    label: dict[str, str]


class _Words(models.Model):
    """What is asked, and what may be answered: the part of a question that its versions keep."""

    kind = models.CharField(_("kind"), max_length=20, choices=QuestionKind, default=QuestionKind.TEXT)
    label = I18nCharField(_("question"), max_length=300)
    help_text = I18nTextField(_("help"), max_length=2000, blank=True)
    # In order; of `Option`.
    options = models.JSONField(default=list, blank=True)
    # Those of `SETTINGS` that are set.
    settings = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.label)

    @property
    def option_labels(self) -> dict[str, LazyI18nString]:
        """Identifier → words in the reader's language, in order."""
        return {option["identifier"]: LazyI18nString(option["label"]) for option in self.options}

    @property
    def unit(self) -> str:
        return str(LazyI18nString(self.settings["unit"])) if self.settings.get("unit") else ""


class QuestionSection(models.Model):
    """A heading of the form, with the questions below it."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="question_sections")
    title = I18nCharField(_("title"), max_length=200)
    description = I18nTextField(_("description"), max_length=2000, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [Revises(name="registrations_questionsection_revises")]

    def __str__(self) -> str:
        return str(self.title)


class QuestionQuerySet(models.QuerySet["Question"]):
    def in_order(self) -> QuestionQuerySet:
        """As the form asks them: those of no section first, then section by section."""
        return self.order_by(
            models.F("section__position").asc(nulls_first=True),
            models.F("section").asc(nulls_first=True),
            "position",
            "pk",
        )

    def asked(self) -> QuestionQuerySet:
        """Those that are asked now, in order, with all that a form needs; two queries."""
        return (
            self.filter(is_active=True)
            .select_related("section", "condition_question", "version")
            .prefetch_related("ticket_types")
            .in_order()
        )


class Question(_Words):
    """Something that an event asks those who register."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="questions")
    # What `answers` in the API and the columns of exports call it.
    identifier = models.CharField(_("identifier"), max_length=40, validators=[validate_identifier])
    section = models.ForeignKey(
        QuestionSection, null=True, blank=True, on_delete=models.SET_NULL, related_name="questions"
    )
    is_required = models.BooleanField(_("must be answered"), default=False)
    # Passport numbers and the like: the browser keeps no draft of the answer.
    is_sensitive = models.BooleanField(_("keep no draft"), default=False)
    # Asked only of those who answered `condition_question`, which stands before it, with one of `condition_values`: identifiers
    # of options, true and false, codes of countries.
    condition_question = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.RESTRICT, related_name="dependents"
    )
    condition_values = models.JSONField(default=list, blank=True)
    # None: asked with every ticket.
    ticket_types = models.ManyToManyField("registrations.TicketType", blank=True, related_name="questions")
    # No longer asked, but answered by some: kept for their answers.
    is_active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    # The one that is asked now; null only until the first is written.
    version = models.ForeignKey(
        "registrations.QuestionVersion", null=True, editable=False, on_delete=models.RESTRICT, related_name="+"
    )

    objects = QuestionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "identifier"],
                name="registrations_question_identifier_once_per_event",
                violation_error_message=_("Another question has this identifier."),
            ),
            Revises(name="registrations_question_revises"),
            Revises(
                name="registrations_question_ticket_types_revises",
                events="SELECT event_id FROM registrations_question WHERE id = ($1).question_id",
                field="ticket_types",
            ),
        ]

    @cached_property
    def ticket_ids(self) -> frozenset[int]:
        """Of `ticket_types`, as they are when this is asked for first."""
        return frozenset(ticket.pk for ticket in self.ticket_types.all())


class QuestionVersion(_Words):
    """A question as it was at one time. Never changed: answers point to the version that they answer."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "number"], name="registrations_questionversion_number_once")
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("a version of a question never changes")
        super().save(*args, **kwargs)
