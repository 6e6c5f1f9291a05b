from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from common.forms import Form
from common.text import validate_plain_text
from events.forms import OneLine, Texts, capitalized
from events.models import Event
from registrations import segments
from registrations.models import Question, QuestionKind, Quota, Registration, RegistrationState, TicketType
from registrations.models.questions import validate_identifier
from registrations.problems import LONGEST_ANSWER

ANSWER = "answer_"


def country_choices() -> list[tuple[str, str]]:
    """In the order of the reader's language, with a first line that says what to do."""
    return [("", pgettext("country", "Choose a country or region")), *((c.code, c.name) for c in countries)]


class CountryField(forms.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=country_choices, **kwargs)


class PersonForm(Form):
    """Who somebody is, and the event's questions: what a registration asks, and what can be changed of it later."""

    autofill = True

    name = OneLine(
        label=_("Name"),
        max_length=200,
        help_text=_("In Latin letters, as in your passport if you travel with one. This is what your ticket says."),
    )
    native_name = OneLine(
        label=_("Name in your own script"),
        max_length=200,
        required=False,
        help_text=_("If it is written in other letters or characters, such as 王芳 or Ольга."),
    )
    affiliation = OneLine(label=_("University or organisation"), max_length=300, required=False)
    country = CountryField(label=_("Country or region"), required=False)
    language = forms.ChoiceField(label=_("Language of our mails to you"), choices=settings.LANGUAGES)

    def __init__(self, *args: Any, questions: Sequence[Question], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions

    @property
    def answers(self) -> dict[str, Any]:
        """By identifier, as the services take them."""
        return {
            question.identifier: answer_from(question, self.cleaned_data.get(f"{ANSWER}{question.identifier}"))
            for question in self.questions
        }

    def person(self) -> dict[str, Any]:
        names = ("name", "native_name", "affiliation", "country", "language")
        return {name: self.cleaned_data[name] for name in names}

    def add_problems(self, problems: Any) -> None:
        """Problems with answers stand beside their questions."""
        for problem in problems:
            name = problem.field.removeprefix("answers.")
            field = f"{ANSWER}{name}" if problem.field.startswith("answers.") else problem.field
            field = field if field in self.fields else None
            self.add_error(field, forms.ValidationError(f"{problem.message} {problem.fix}".strip(), code=problem.code))


def person_form(base: type[PersonForm], questions: Sequence[Question]) -> type[PersonForm]:
    """`base` with one field per question: fields are declared before a form is bound, so that all is tuned alike."""
    fields: dict[str, Any] = {f"{ANSWER}{q.identifier}": _field_for(q) for q in questions}
    return type(base.__name__, (base,), fields)


def answer_from(question: Question, value: Any) -> Any:
    if question.kind == QuestionKind.YES_NO:
        return {"yes": True, "no": False}.get(value)
    return value or None


def initial_from(registration: Registration) -> dict[str, Any]:
    answers = {}
    for answer in registration.answers.all():
        value = answer.value
        if answer.question.kind == QuestionKind.YES_NO:
            value = "yes" if value else "no"
        answers[f"{ANSWER}{answer.question.identifier}"] = value
    names = ("name", "native_name", "affiliation", "language")
    return {
        **{name: getattr(registration, name) for name in names},
        "country": str(registration.country),
        **answers,
    }


def _field_for(question: Question) -> forms.Field:
    shared: dict[str, Any] = {
        "label": str(question.label),
        "help_text": str(question.help_text),
        "required": question.is_required,
    }
    if question.kind == QuestionKind.YES_NO:
        return forms.ChoiceField(
            choices=[("yes", gettext("Yes")), ("no", gettext("No"))], widget=forms.RadioSelect, **shared
        )
    if question.kind == QuestionKind.COUNTRY:
        return CountryField(**shared)
    if question.kind == QuestionKind.CHOICE:
        choices = [(option.identifier, str(option.label)) for option in question.options.all()]
        return forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **shared)
    return forms.CharField(max_length=LONGEST_ANSWER, validators=[validate_plain_text], strip=False, **shared)


class RegistrationForm(PersonForm):
    """The public form. `website` is a trap for programs: people never see it."""

    ticket_type = forms.ModelChoiceField(
        label=_("Ticket"), queryset=TicketType.objects.none(), widget=forms.RadioSelect, empty_label=None
    )
    email = forms.EmailField(label=_("E-mail address"), max_length=254, help_text=_("Your ticket goes there."))
    website = forms.CharField(required=False, widget=forms.HiddenInput)
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)

    field_order = ("ticket_type", "name", "native_name", "email", "affiliation", "country")

    def __init__(self, *args: Any, tickets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket_type"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = tickets
        self.fields["language"].initial = kwargs.get("initial", {}).get("language")

    @property
    def shown_fields(self) -> Iterator[Any]:
        return (field for field in self.visible_fields() if field.name != "ticket_type")


class CancelForm(Form):
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        validators=[validate_plain_text],
        help_text=_("It is told in the mail."),
    )


class MoveForm(Form):
    ticket_type = forms.ModelChoiceField(
        label=_("Ticket"), queryset=TicketType.objects.none(), widget=forms.RadioSelect, empty_label=None
    )

    def __init__(self, *args: Any, tickets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket_type"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = tickets


class OrganizersForm(PersonForm):
    """Somebody whom an organizer registers."""

    ticket_type = forms.ModelChoiceField(
        label=_("Ticket"), queryset=TicketType.objects.none(), widget=forms.RadioSelect, empty_label=None
    )
    email = forms.EmailField(
        label=_("E-mail address"), max_length=254, help_text=_("The ticket and the link to change it go there.")
    )

    autofill = False
    field_order = ("ticket_type", "name", "native_name", "email", "affiliation", "country")

    def __init__(self, *args: Any, tickets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket_type"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = tickets


# -- Organizers ---------------------------------------------------------------------------------------------------------


class QuotaForm(Form):
    name = OneLine(label=_("Name"), max_length=200, help_text=_("Such as: Seats in the hall."))
    size = forms.IntegerField(label=_("Places"), min_value=0, max_value=1_000_000)

    def __init__(self, *args: Any, quota: Quota | None = None, **kwargs: Any) -> None:
        if quota is not None:
            kwargs.setdefault("initial", {"name": quota.name, "size": quota.size})
        super().__init__(*args, **kwargs)


class TicketTypeForm(Form):
    name = Texts(label=_("Name"), max_length=200)
    description = Texts(label=_("What it includes"), lines=True, rows=3, required=False)
    quotas = forms.ModelMultipleChoiceField(
        label=_("Counts in"),
        queryset=Quota.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Somebody with this ticket takes one place of each."),
    )
    waiting_list = forms.BooleanField(
        label=_("Waiting list when full"),
        required=False,
        help_text=_("A place that becomes free goes to the first in line by itself."),
    )
    requires_approval = forms.BooleanField(
        label=_("We decide on each registration"),
        required=False,
        help_text=_("A place is kept until you approve or reject it."),
    )
    available_from = forms.DateTimeField(
        label=_("Opens"), required=False, help_text=_("In the event's time zone. Left empty: at once.")
    )
    available_until = forms.DateTimeField(
        label=_("Closes"), required=False, help_text=_("Left empty: when the event is over.")
    )

    def __init__(self, *args: Any, event: Event, ticket_type: TicketType | None = None, **kwargs: Any) -> None:
        self.event = event
        if ticket_type is not None:
            kwargs.setdefault("initial", self._initial(ticket_type))
        super().__init__(*args, **kwargs)
        for name in ("name", "description"):
            self.fields[name].widget.enabled_locales = event.locales
        field = self.fields["quotas"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = event.quotas.order_by("pk")

    def _initial(self, ticket_type: TicketType) -> dict[str, Any]:
        names = ("name", "description", "waiting_list", "requires_approval")
        values = {name: getattr(ticket_type, name) for name in names}
        for name in ("available_from", "available_until"):
            instant = getattr(ticket_type, name)
            values[name] = instant.astimezone(self.event.tz).replace(tzinfo=None) if instant else None
        return {**values, "quotas": [quota.pk for quota in ticket_type.quotas.all()]}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("available_from", "available_until"):
            if values.get(name):
                # The form's wall clock is the event's.
                values[name] = values[name].replace(tzinfo=self.event.tz)
        opens, closes = values.get("available_from"), values.get("available_until")
        if opens and closes and closes <= opens:
            self.add_error("available_until", gettext("It closes before it opens. Choose a later time."))
        return values


class QuestionForm(Form):
    label = Texts(label=_("Question"), max_length=300)
    help_text = Texts(label=_("Help under the question"), max_length=500, required=False)
    kind = forms.ChoiceField(
        label=_("Answered by"), choices=capitalized(QuestionKind.choices), widget=forms.RadioSelect, initial="text"
    )
    options = forms.CharField(
        label=_("Answers to choose from"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        validators=[validate_plain_text],
        help_text=_("For a choice: one answer a line. In several languages: English | 中文."),
    )
    is_required = forms.BooleanField(label=_("Must be answered"), required=False)
    identifier = forms.CharField(
        label=_("Identifier"),
        required=False,
        max_length=40,
        validators=[validate_identifier],
        help_text=_("What exports and the API call it. Left empty, it is made from the question."),
    )

    def __init__(self, *args: Any, event: Event, question: Question | None = None, **kwargs: Any) -> None:
        self.event = event
        self.question = question
        if question is not None:
            kwargs.setdefault("initial", self._initial(question))
        super().__init__(*args, **kwargs)
        for name in ("label", "help_text"):
            self.fields[name].widget.enabled_locales = event.locales

    def _initial(self, question: Question) -> dict[str, Any]:
        names = ("label", "help_text", "kind", "is_required", "identifier")
        lines = [
            " | ".join(option.label.localize(code) for code in self.event.locales) for option in question.options.all()
        ]
        return {**{name: getattr(question, name) for name in names}, "options": "\n".join(lines)}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("label") and not values.get("identifier"):
            values["identifier"] = self._identifier(values["label"].localize("en"))
        values["options"] = self._options(values.get("options", ""), values.get("kind", ""))
        return values

    def _identifier(self, words: str) -> str:
        kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in words.lower()).strip("_")
        base = "_".join(part for part in kept.split("_") if part)[:30].strip("_")
        base = base if base[:1].isalpha() else f"question_{base}".strip("_")
        taken = set(self.event.questions.values_list("identifier", flat=True))
        candidates = (base if n == 1 else f"{base}_{n}" for n in range(1, len(taken) + 3))
        return next(name for name in candidates if name not in taken)

    def _options(self, lines: str, kind: str) -> list[dict[str, Any]]:
        """Identifiers of answers that are there already are kept: what people answered refers to them."""
        if kind != QuestionKind.CHOICE:
            return []
        known = {}
        if self.question is not None:
            for option in self.question.options.all():
                known[option.label.localize(self.event.language)] = option.identifier
        options: list[dict[str, Any]] = []
        for number, line in enumerate(filter(str.strip, lines.splitlines()), 1):
            texts = [text.strip() for text in line.split("|")]
            label = dict(zip(self.event.locales, texts, strict=False))
            identifier = known.get(texts[0]) or self._free_option(
                number, [*known.values(), *(o["identifier"] for o in options)]
            )
            options.append({"identifier": identifier, "label": label})
        return options

    def _free_option(self, number: int, taken: list[str]) -> str:
        while f"option_{number}" in taken:
            number += 1
        return f"option_{number}"


class RegistrationFilters(forms.Form):
    """What the organizer's list can be narrowed by; lives in the address."""

    q = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(required=False, choices=[("", ""), *RegistrationState.choices])
    ticket = forms.ModelChoiceField(required=False, queryset=TicketType.objects.none())
    country = forms.CharField(required=False, max_length=2)

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = event.ticket_types.in_order()

    def narrow(self, registrations: Any) -> Any:
        """Filters that make no sense are no filters."""
        self.is_valid()
        values = {name: value for name, value in self.cleaned_data.items() if value}
        if ticket := values.get("ticket"):
            values["ticket"] = ticket.pk
        return segments.narrow(registrations, values)


def state_label(state: str) -> str:
    return capfirst(str(RegistrationState(state).label))
