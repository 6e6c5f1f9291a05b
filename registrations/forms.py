from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.urls import reverse_lazy
from django.utils.datastructures import MultiValueDict
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from accounts.services import institutions
from common.forms import Form, QuickSelect
from common.text import validate_plain_text
from events.forms import OneLine, Texts, capitalized
from events.models import Event
from registrations import segments
from registrations.answer_fields import AnswersForm, country_choices, initial_answers, with_questions
from registrations.models import (
    Answer,
    EntryKind,
    PaymentMethod,
    Product,
    Question,
    Quota,
    Registration,
    RegistrationState,
    TicketType,
)
from registrations.product_fields import PRODUCT
from registrations.services.payments import BY_HAND

LATIN_FIRST = ("ticket_type", "name", "family_name", "native_name", "email", "affiliation", "country")
NATIVE_FIRST = ("ticket_type", "native_name", "name", "family_name", "email", "affiliation", "country")


class CountryField(forms.ChoiceField):
    widget = QuickSelect

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=country_choices, **kwargs)

    def valid_value(self, value: Any) -> bool:
        # The names of all of them, in the reader's language, need not be known for it.
        return str(value) in countries


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
            "data-suggest": reverse_lazy("institutions"),
            "data-suggest-id": self.add_prefix("institution"),
            "data-suggest-domain": self.add_prefix("email"),
        }

    def person(self) -> dict[str, Any]:
        """What the services take of it to change somebody; one query."""
        return {**self.words(), "institution": institutions.chosen(**self.affiliated())}

    def words(self) -> dict[str, Any]:
        names = ("name", "family_name", "native_name", "affiliation", "country", "language")
        return {name: self.cleaned_data[name] for name in names if name in self.fields}

    def affiliated(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["affiliation"], "pk": self.cleaned_data.get("institution")}


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


class TicketField(forms.ChoiceField):
    """One of some tickets that are at hand (`offer`)."""

    widget = forms.RadioSelect
    tickets: Mapping[str, TicketType] = MappingProxyType({})

    def offer(self, tickets: Iterable[TicketType], *, invitation: str | Promise = "") -> None:
        """`invitation`: what a list that opens says first."""
        self.tickets = {str(ticket.pk): ticket for ticket in tickets}
        offered = [(pk, str(ticket.name)) for pk, ticket in self.tickets.items()]
        self.choices = [("", invitation), *offered] if invitation else offered

    def clean(self, value: Any) -> TicketType | None:
        return self.tickets.get(super().clean(value))


class RegistrationForm(PersonForm):
    """The public form. `website` is a trap for programs: people never see it."""

    ticket_type = TicketField(label=_("Ticket"))
    email = AddressField(label=_("E-mail address"), max_length=254, help_text=_("Your ticket goes there."))
    website = forms.CharField(required=False, widget=forms.HiddenInput)
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, tickets: Iterable[TicketType], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket_type"]
        assert isinstance(field, TicketField)
        field.offer(tickets)
        self.fields["language"].initial = kwargs.get("initial", {}).get("language")
        self.fields["email"].widget.attrs["data-mailbox"] = ""

    def person(self) -> dict[str, Any]:
        """What the services take of it to register somebody."""
        return {**self.words(), "institution": institutions.Chosen(**self.affiliated())}

    @property
    def person_fields(self) -> list[BoundField]:
        """Tickets and products are laid out by hand."""
        return [
            field
            for field in super().person_fields
            if field.name != "ticket_type" and not field.name.startswith(PRODUCT)
        ]


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


class SomebodysForm(PersonForm):
    """Somebody whom another person registers."""

    email = AddressField(
        label=_("E-mail address"), max_length=254, help_text=_("The ticket and the link to change it go there.")
    )
    family_name = OneLine(
        label=_("Family name"), max_length=200, required=False, help_text=_("As a part of the name above.")
    )

    autofill = False


class OrganizersForm(SomebodysForm):
    """Somebody whom an organizer registers."""

    ticket_type = forms.ModelChoiceField(
        label=_("Ticket"), queryset=TicketType.objects.none(), widget=forms.RadioSelect, empty_label=None
    )

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


class OnSaleForm(Form):
    """What tickets and products have in common."""

    names: ClassVar[tuple[str, ...]] = ("name", "description", "price", "waiting_list", "offer_hours")

    name = Texts(label=_("Name"), max_length=200)
    description = Texts(label=_("What it includes"), lines=True, rows=3, required=False)
    price = forms.DecimalField(
        label=_("Price"),
        min_value=0,
        max_digits=10,
        decimal_places=2,
        initial=0,
        required=False,
        help_text=_("0 or left empty: free of charge."),
    )
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
    offer_hours = forms.IntegerField(
        label=_("Hours to accept a place that became free"),
        required=False,
        min_value=1,
        max_value=720,
        help_text=_("It is kept for the next in line for so long. Left empty: it is theirs at once."),
    )
    available_from = forms.DateTimeField(
        label=_("Opens"), required=False, help_text=_("In the event's time zone. Left empty: at once.")
    )
    available_until = forms.DateTimeField(
        label=_("Closes"), required=False, help_text=_("Left empty: when the event is over.")
    )

    def __init__(self, *args: Any, event: Event, thing: TicketType | Product | None = None, **kwargs: Any) -> None:
        self.event = event
        if thing is not None:
            kwargs.setdefault("initial", self._initial(thing))
        super().__init__(*args, **kwargs)
        for name in ("name", "description"):
            self.fields[name].widget.enabled_locales = event.locales
        self.fields["price"].label = gettext("Price in %(currency)s") % {"currency": event.currency}
        self._choices("quotas", event.quotas.order_by("pk"))

    def _choices(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = rows

    def _initial(self, thing: Any) -> dict[str, Any]:
        values = {name: getattr(thing, name) for name in self.names}
        for name in ("available_from", "available_until"):
            instant = getattr(thing, name)
            values[name] = instant.astimezone(self.event.tz).replace(tzinfo=None) if instant else None
        return {**values, "quotas": [quota.pk for quota in thing.quotas.all()]}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("price") is None and "price" not in self.errors:
            values["price"] = Decimal(0)
        for name in ("available_from", "available_until"):
            if values.get(name):
                # The form's wall clock is the event's.
                values[name] = values[name].replace(tzinfo=self.event.tz)
        opens, closes = values.get("available_from"), values.get("available_until")
        if opens and closes and closes <= opens:
            self.add_error("available_until", gettext("It closes before it opens. Choose a later time."))
        return values


class TicketTypeForm(OnSaleForm):
    names = (*OnSaleForm.names, "requires_approval", "payment_days")
    field_order = ("name", "description", "price", "payment_days")

    payment_days = forms.IntegerField(
        label=_("Days to pay"),
        min_value=1,
        max_value=365,
        required=False,
        help_text=_("Where there is something to pay: a place is kept for so long. Left empty: 14."),
    )
    requires_approval = forms.BooleanField(
        label=_("We decide on each registration"),
        required=False,
        help_text=_("A place is kept until you approve or reject it."),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("payment_days") is None:
            values["payment_days"] = 14
        return values


class ProductForm(OnSaleForm):
    names = (*OnSaleForm.names, "max_per_registration")
    field_order = ("name", "description", "price", "max_per_registration", "quotas", "ticket_types")

    max_per_registration = forms.IntegerField(label=_("At most, for each person"), min_value=1, max_value=50, initial=1)
    ticket_types = forms.ModelMultipleChoiceField(
        label=_("Only with these tickets"),
        queryset=TicketType.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: with any ticket."),
    )

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, event=event, **kwargs)
        self._choices("ticket_types", event.ticket_types.in_order())
        self.fields["quotas"].help_text = gettext("Each one takes one place of each.")

    def _initial(self, thing: Any) -> dict[str, Any]:
        return {**super()._initial(thing), "ticket_types": [ticket.pk for ticket in thing.ticket_types.all()]}


class PaymentForm(Form):
    """Money that came or went."""

    kind = forms.ChoiceField(
        label=_("What"),
        choices=capitalized([(kind.value, kind.label) for kind in BY_HAND]),
        widget=forms.RadioSelect,
        initial=EntryKind.PAYMENT.value,
        help_text=_("A waiver is what you do without."),
    )
    amount = forms.DecimalField(label=_("Amount"), min_value=Decimal("0.01"), max_digits=10, decimal_places=2)
    method = forms.ChoiceField(
        label=_("How"), choices=capitalized(PaymentMethod.choices), initial=PaymentMethod.TRANSFER.value
    )
    reference = OneLine(
        label=_("Reference"), max_length=200, required=False, help_text=_("Such as the number of the transfer.")
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)


class RegistrationFilters(forms.Form):
    """What the organizer's list can be narrowed by; lives in the address."""

    q = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(required=False, choices=[("", ""), *RegistrationState.choices])
    ticket = forms.ModelChoiceField(required=False, queryset=TicketType.objects.none())
    product = forms.ModelChoiceField(required=False, queryset=Product.objects.none())
    country = forms.CharField(required=False, max_length=2)

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = event.ticket_types.in_order()
        products = self.fields["product"]
        assert isinstance(products, forms.ModelChoiceField)
        products.queryset = event.products.in_order()

    @property
    def wanted(self) -> dict[str, Any]:
        """As `registrations.segments` reads it; filters that make no sense are no filters."""
        self.is_valid()
        values = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("ticket", "product"):
            if name in values:
                values[name] = values[name].pk
        asked = self.data
        assert isinstance(asked, MultiValueDict)
        for name in asked:
            if name.startswith(segments.ANSWER):
                values[name] = [value[:200] for value in asked.getlist(name)][:50]
        return values

    def narrow(self, registrations: Any) -> Any:
        return segments.narrow(registrations, self.wanted)


def state_label(state: str) -> str:
    return capfirst(str(RegistrationState(state).label))
