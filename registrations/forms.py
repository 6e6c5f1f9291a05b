from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts.services import institutions
from common.forms import Form
from common.text import validate_plain_text
from events.forms import OneLine, Texts
from events.models import Event
from registrations.answer_fields import AnswersForm, country_choices, initial_answers, with_questions
from registrations.models import Answer, Question, Quota, Registration, RegistrationState, TicketType

LATIN_FIRST = ("ticket_type", "name", "family_name", "native_name", "email", "affiliation", "country")
NATIVE_FIRST = ("ticket_type", "native_name", "name", "family_name", "email", "affiliation", "country")


class CountryField(forms.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=country_choices, **kwargs)


class AddressField(forms.EmailField):
    """An address that mail servers everywhere can send to."""

    def to_python(self, value: Any) -> Any:
        # What keyboards for Chinese write instead of @ and the dot.
        typed = super().to_python(value)
        return typed.translate(_FULL_WIDTH) if isinstance(typed, str) else typed

    def run_validators(self, value: Any) -> None:
        local = str(value).rpartition("@")[0]
        if odd := next((character for character in local if not character.isascii()), ""):
            raise forms.ValidationError(
                _(
                    "Before the @ stands “%(character)s”, which many mail servers cannot write to. Use an address without it."
                ),
                code="invalid",
                params={"character": odd},
            )
        super().run_validators(value)


_FULL_WIDTH = str.maketrans({"\uff20": "@", "\u3002": ".", "\uff0e": "."})


class PersonForm(AnswersForm):
    """Who somebody is, and the event's questions: what a registration asks, and what can be changed of it later."""

    autofill = True

    name = OneLine(
        label=_("Name"),
        max_length=200,
        help_text=_(
            "Your whole name in Latin letters, spelt and ordered as you want to be called; as in your passport if you travel with"
            " one. This is what your ticket says."
        ),
    )
    family_name = OneLine(
        label=_("Which part of it is your family name?"),
        max_length=200,
        required=False,
        help_text=_(
            "Such as Wang of Wang Fang, or Lovelace of Ada Lovelace. If you have one name only, leave this empty."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    native_name = OneLine(
        label=_("Name in your own script"),
        max_length=200,
        required=False,
        help_text=_("If it is written in other letters or characters, such as 王芳 or Ольга."),
    )
    affiliation = OneLine(
        label=_("University or organisation"),
        max_length=300,
        required=False,
        help_text=_(
            "Begin to write its name in any language, or its abbreviation. If it is not in the list, write it out."
        ),
    )
    institution = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2**63 - 1)
    country = CountryField(label=_("Country or region"), required=False)
    language = forms.ChoiceField(label=_("Language of our mails to you"), choices=settings.LANGUAGES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        is_chinese = (get_language() or "").startswith("zh")
        kwargs.setdefault("field_order", NATIVE_FIRST if is_chinese else LATIN_FIRST)
        super().__init__(*args, **kwargs)
        # What the script that suggests universities looks for.
        self.fields["affiliation"].widget.attrs |= {
            "data-suggest": reverse("institutions"),
            "data-suggest-id": "institution",
            "data-suggest-domain": "email",
        }

    def person(self) -> dict[str, Any]:
        """What the services take of it."""
        names = ("name", "family_name", "native_name", "affiliation", "country", "language")
        values = {name: self.cleaned_data[name] for name in names}
        chosen = self.cleaned_data.get("institution")
        return {**values, "institution": institutions.chosen(name=values["affiliation"], pk=chosen)}


def person_form(base: type[PersonForm], questions: Sequence[Question]) -> type[Any]:
    """`base` with the fields of each question."""
    return with_questions(base, questions)


def stored_answers(registration: Registration) -> dict[str, Answer]:
    return {answer.question.identifier: answer for answer in registration.answers.all()}


def initial_from(registration: Registration) -> dict[str, Any]:
    names = ("name", "family_name", "native_name", "affiliation", "language")
    return {
        **{name: getattr(registration, name) for name in names},
        "country": str(registration.country),
        "institution": registration.institution_id,
        **initial_answers(stored_answers(registration)),
    }


class RegistrationForm(PersonForm):
    """The public form. `website` is a trap for programs: people never see it."""

    ticket_type = forms.ModelChoiceField(
        label=_("Ticket"), queryset=TicketType.objects.none(), widget=forms.RadioSelect, empty_label=None
    )
    email = AddressField(label=_("E-mail address"), max_length=254, help_text=_("Your ticket goes there."))
    website = forms.CharField(required=False, widget=forms.HiddenInput)
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, tickets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket_type"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = tickets
        self.fields["language"].initial = kwargs.get("initial", {}).get("language")
        self.fields["email"].widget.attrs["data-mailbox"] = ""

    @property
    def person_fields(self) -> list[BoundField]:
        """The tickets are laid out by hand."""
        return [field for field in super().person_fields if field.name != "ticket_type"]


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
    email = AddressField(
        label=_("E-mail address"), max_length=254, help_text=_("The ticket and the link to change it go there.")
    )

    autofill = False

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
        values = self.cleaned_data
        if words := values.get("q"):
            registrations = registrations.matching(words)
        if state := values.get("state"):
            registrations = registrations.filter(state=state)
        if ticket := values.get("ticket"):
            registrations = registrations.filter(ticket_type=ticket)
        if country := values.get("country"):
            registrations = registrations.filter(country=country)
        return registrations


def state_label(state: str) -> str:
    return capfirst(str(RegistrationState(state).label))
