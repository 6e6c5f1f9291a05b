"""What organizers fill in to build the form of their event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django import forms
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from common.forms import Form
from common.text import validate_plain_text
from events.forms import OneLine, Texts, WebAddressField, capitalized
from events.models import Event
from registrations.answer_fields import ANSWER, field_for
from registrations.models import (
    CAN_DECIDE,
    HAS_OPTIONS,
    SETTINGS,
    Question,
    QuestionKind,
    QuestionSection,
    TicketType,
)
from registrations.models.questions import validate_identifier
from registrations.problems import problems_with_settings
from registrations.services.questions import free_identifier
from registrations.sniffing import FILE_TYPES

_ANY_COUNTRY: Final = "@"


class QuestionForm(Form):
    label = Texts(label=_("Question"), max_length=300)
    help_text = Texts(label=_("Help under the question"), max_length=2000, required=False, lines=True, rows=2)
    kind = forms.ChoiceField(
        label=_("Answered by"),
        choices=capitalized(QuestionKind.choices),
        widget=forms.RadioSelect(attrs={"class": "choices-pair"}),
        initial="text",
    )
    options = forms.CharField(
        label=_("Answers to choose from"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        validators=[validate_plain_text],
        help_text=_("For a choice: one answer a line. In several languages: English | 中文."),
    )
    has_other = forms.BooleanField(
        label=_("Also “Other”, in words of their own"), required=False, help_text=_("For a choice.")
    )
    at_least = forms.IntegerField(
        label=_("At least so many"), required=False, min_value=0, help_text=_("For a multiple choice.")
    )
    at_most = forms.IntegerField(
        label=_("At most so many"), required=False, min_value=1, help_text=_("For a multiple choice.")
    )
    minimum = forms.FloatField(label=_("Smallest"), required=False, help_text=_("For a number."))
    maximum = forms.FloatField(label=_("Largest"), required=False, help_text=_("For a number."))
    step = forms.FloatField(
        label=_("In steps of"),
        required=False,
        help_text=_("For a number. Left empty: whole numbers. 0.5, 0.01: decimals."),
    )
    unit = Texts(label=_("Unit"), max_length=40, required=False, help_text=_("For a number, such as kg or nights."))
    earliest = forms.DateField(label=_("Earliest day"), required=False, help_text=_("For a date."))
    latest = forms.DateField(label=_("Latest day"), required=False, help_text=_("For a date."))
    file_types = forms.MultipleChoiceField(
        label=_("Kinds of files"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(one.code, one.label) for one in FILE_TYPES.values()],
        help_text=_("For a file. None ticked: all of them."),
    )
    max_megabytes = forms.IntegerField(
        label=_("Largest file, in MB"),
        required=False,
        min_value=1,
        max_value=30,
        help_text=_("For a file. Left empty: 10."),
    )
    link = WebAddressField(
        label=_("Address of the text to agree to"),
        required=False,
        max_length=500,
        help_text=_("For a consent, such as your privacy notice."),
    )
    is_required = forms.BooleanField(label=_("Must be answered"), required=False)
    is_sensitive = forms.BooleanField(
        label=_("Keep no draft of the answer"),
        required=False,
        help_text=_(
            "While somebody fills in the form, their browser keeps what they typed. Tick this for passport numbers, health and the like."
        ),
    )
    section = forms.ModelChoiceField(
        label=_("Section"), queryset=QuestionSection.objects.none(), required=False, empty_label=_("None: on top")
    )
    ticket_types = forms.ModelMultipleChoiceField(
        label=_("Asked with these tickets"),
        queryset=TicketType.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: with all of them."),
    )
    condition = forms.MultipleChoiceField(
        label=_("Asked only if somebody answers"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Answers of one question that stands before this one. None ticked: asked of everybody."),
    )
    condition_countries = OneLine(
        label=_("Which countries?"),
        required=False,
        max_length=1000,
        help_text=_("Their codes, such as CN, HK, MO."),
    )
    identifier = forms.CharField(
        label=_("Identifier"),
        required=False,
        max_length=40,
        validators=[validate_identifier],
        help_text=_("What exports and the API call it. Left empty, it is made from the question."),
    )

    def __init__(
        self,
        *args: Any,
        event: Event,
        form: Sequence[Question],
        question: Question | None = None,
        **kwargs: Any,
    ) -> None:
        """`form`: the event's questions that are asked now, in order."""
        self.event = event
        self.question = question
        before = form
        if question is not None:
            kwargs.setdefault("initial", self._initial(question))
            before = form[: next((n for n, other in enumerate(form) if other.pk == question.pk), len(form))]
        super().__init__(*args, **kwargs)
        for name in ("label", "help_text", "unit"):
            self.fields[name].widget.enabled_locales = event.locales
        self._set("section", event.question_sections.order_by("position", "pk"))
        self._set("ticket_types", event.ticket_types.in_order())
        self.deciding = {q.pk: q for q in before if q.kind in CAN_DECIDE}
        condition = self.fields["condition"]
        assert isinstance(condition, forms.MultipleChoiceField)
        condition.choices = [(str(q.label), list(self._answers_of(q))) for q in self.deciding.values()]
        if not self.deciding:
            del self.fields["condition"]
        if not any(q.kind == QuestionKind.COUNTRY for q in self.deciding.values()):
            del self.fields["condition_countries"]
        if not event.question_sections.exists():
            del self.fields["section"]
        if event.ticket_types.count() < 2:
            del self.fields["ticket_types"]

    def _set(self, name: str, queryset: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = queryset

    def _answers_of(self, question: Question) -> Iterator[tuple[str, str]]:
        if question.kind == QuestionKind.YES_NO:
            yield f"{question.pk}:yes", gettext("Yes")
            yield f"{question.pk}:no", gettext("No")
        elif question.kind == QuestionKind.COUNTRY:
            yield f"{question.pk}:{_ANY_COUNTRY}", gettext("one of the countries below")
        else:
            for identifier, label in question.option_labels.items():
                yield f"{question.pk}:{identifier}", str(label)

    def _initial(self, question: Question) -> dict[str, Any]:
        names = ("label", "help_text", "kind", "is_required", "is_sensitive", "identifier", "section")
        lines = [
            # Without those at the end that are not written yet.
            " | ".join(option["label"].get(code, "") for code in self.event.locales).rstrip(" |")
            for option in question.options
        ]
        initial = {name: getattr(question, name) for name in names}
        initial |= dict(question.settings)
        initial |= {"options": "\n".join(lines), "ticket_types": [t.pk for t in question.ticket_types.all()]}
        if (decides := question.condition_question) is not None:
            values = question.condition_values
            if decides.kind == QuestionKind.COUNTRY:
                initial |= {"condition": [f"{decides.pk}:{_ANY_COUNTRY}"], "condition_countries": ", ".join(values)}
            else:
                words = {True: "yes", False: "no"}
                initial["condition"] = [f"{decides.pk}:{words.get(value, value)}" for value in values]
        return initial

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("label") and not values.get("identifier"):
            values["identifier"] = self._identifier(values["label"].localize("en"))
        if "condition" in self.fields and "condition" in values:
            self._clean_condition(values)
        return values

    def _clean_condition(self, values: dict[str, Any]) -> None:
        chosen = [value.split(":", 1) for value in values["condition"]]
        pks = {int(pk) for pk, _answer in chosen}
        if len(pks) > 1:
            self.add_error("condition", gettext("Choose answers of one question only."))
            return
        decides = self.deciding[pks.pop()] if pks else None
        wanted: list[Any] = [answer for _pk, answer in chosen]
        if decides is not None and decides.kind == QuestionKind.YES_NO:
            wanted = [answer == "yes" for answer in wanted]
        elif decides is not None and decides.kind == QuestionKind.COUNTRY:
            wanted = values.get("condition_countries", "").upper().replace(",", " ").split()
            if not wanted or (unknown := [code for code in wanted if code not in countries]):
                words = gettext("Write the codes of countries, such as CN, HK.")
                if wanted:
                    words = f"{gettext('No country has the code %(code)s.') % {'code': unknown[0]}} {words}"
                self.add_error("condition_countries", words)
                return
        values["condition_question"], values["condition_values"] = decides, wanted

    @property
    def asked(self) -> dict[str, Any]:
        """What the services take."""
        values = self.cleaned_data
        names = ("label", "help_text", "kind", "is_required", "is_sensitive", "identifier", "section", "ticket_types")
        found = {name: values[name] for name in names if name in values}
        found |= {name: values[name] for name in ("condition_question", "condition_values") if name in values}
        if "section" in self.fields:
            found.setdefault("section", None)
        return {**found, "options": self._options(), "settings": self._settings()}

    def _settings(self) -> dict[str, Any]:
        """Those of the kind that are set; what was left in the fields of other kinds is ignored."""
        values = self.cleaned_data
        settings: dict[str, Any] = {}
        for name in SETTINGS.get(values.get("kind", ""), frozenset()):
            value = values.get(name)
            if name == "unit":
                value = {language: text for language, text in (value.data or {}).items() if text} if value else None
            elif name in {"earliest", "latest"}:
                value = value.isoformat() if value else None
            elif isinstance(value, float) and value == int(value):
                value = int(value)
            # What is unticked or left empty is not set; 0 is.
            if value is not None and value is not False and value not in ("", [], {}):
                settings[name] = value
        return settings

    def _identifier(self, words: str) -> str:
        kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in words.lower()).strip("_")
        base = "_".join(part for part in kept.split("_") if part)[:30].strip("_")
        base = base if base[:1].isalpha() else f"question_{base}".strip("_")
        return free_identifier(base, set(self.event.questions.values_list("identifier", flat=True)))

    def _options(self) -> list[dict[str, Any]]:
        """Identifiers of answers that are there already are kept, by their words or else by their line: what people answered, and what
        other questions depend on, refers to them."""
        if self.cleaned_data.get("kind") not in HAS_OPTIONS:
            return []
        lines = [
            [text.strip() for text in line.split("|")]
            for line in filter(str.strip, self.cleaned_data.get("options", "").splitlines())
        ]
        old = dict(self.question.option_labels) if self.question else {}
        language = self.event.language
        by_words = {label.localize(language): identifier for identifier, label in old.items()}
        found = [by_words.pop(texts[0], None) for texts in lines]
        unclaimed = set(by_words.values())
        for place, (identifier, was) in enumerate(zip(found, old, strict=False)):
            if identifier is None and was in unclaimed and len(lines) == len(old):
                found[place] = was
                unclaimed.discard(was)
        taken = {*old, *filter(None, found)}
        options: list[dict[str, Any]] = []
        for texts, known in zip(lines, found, strict=True):
            identifier = known or _free_option(taken)
            taken.add(identifier)
            options.append({"identifier": identifier, "label": dict(zip(self.event.locales, texts, strict=False))})
        return options

    # -- Preview -----------------------------------------------------------------------------------------------------------

    def previews(self) -> list[dict[str, Any]]:
        """The field as it will look, in each language of the event, as far as the form is filled in."""
        self.is_valid()
        values = self.cleaned_data
        kind = values.get("kind") or QuestionKind.TEXT
        settings = self._settings()
        question = Question(
            event=self.event,
            kind=kind,
            label=values.get("label") or "",
            help_text=values.get("help_text") or "",
            options=self._options(),
            settings={} if problems_with_settings(kind, settings, options=200) else settings,
            is_required=values.get("is_required", False),
        )
        return previews_of(question, self.event)


def previews_of(question: Question, event: Event) -> list[dict[str, Any]]:
    """The question's field in each language of the event."""
    shown = []
    for language in event.locales:
        with translation.override(language):
            field = field_for(question)
            field.label = field.label or gettext("Question")
            form = type("Preview", (Form,), {f"{ANSWER}preview": field})(auto_id=f"preview_{language}_%s")
            shown.append({"language": language, "html": form[f"{ANSWER}preview"].as_field_group()})
    return shown


def _free_option(taken: set[str]) -> str:
    return next(name for n in range(1, len(taken) + 2) if (name := f"option_{n}") not in taken)


class SectionForm(Form):
    title = Texts(label=_("Title"), max_length=200, help_text=_("Such as: Travel and visa."))
    description = Texts(
        label=_("Under the title"),
        max_length=2000,
        lines=True,
        rows=3,
        required=False,
        help_text=_("Why you ask, and what becomes of the answers."),
    )

    def __init__(self, *args: Any, event: Event, section: QuestionSection | None = None, **kwargs: Any) -> None:
        if section is not None:
            kwargs.setdefault("initial", {"title": section.title, "description": section.description})
        super().__init__(*args, **kwargs)
        for name in ("title", "description"):
            self.fields[name].widget.enabled_locales = event.locales


class CopyForm(Form):
    source = forms.ModelChoiceField(
        label=_("Event"),
        queryset=Event.objects.none(),
        empty_label=_("Choose an event"),
        help_text=_("Its sections and questions are added after yours. Questions that you have already are left out."),
    )

    def __init__(self, *args: Any, sources: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["source"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = sources
