from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from accounts.models import NameOrder, Person, User
from common.forms import Form
from common.text import validate_single_line
from common.zones import zone_choices


class SignupForm(Form):
    """What allauth's sign-up asks beside address and password."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        validators=[validate_single_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["name", "email", "password1"]

    def signup(self, request: Any, user: Any) -> None:
        """The adapter has written the name."""


class TimeZoneField(forms.ChoiceField):
    """A select with one group per region; a zone that is stored already stays a choice, whatever it is called."""

    def __init__(self, *, blank: Any = None, **kwargs: Any) -> None:
        self.blank = blank
        self.keep = ""
        super().__init__(choices=self._zones, **kwargs)

    def _zones(self) -> list[Any]:
        groups: list[Any] = list(zone_choices(get_language() or settings.LANGUAGE_CODE))
        known = {name for _region, zones in groups for name, _city in zones}
        extra = [(self.keep, self.keep)] if self.keep and self.keep not in known else []
        return [*([("", self.blank)] if self.blank is not None else []), *extra, *groups]


class ProfileForm(Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        validators=[validate_single_line],
        help_text=_("As in your passport, in Latin letters, if you have one: letters and certificates use it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    family_name = forms.CharField(
        label=_("Which part of it is your family name?"),
        max_length=200,
        required=False,
        validators=[validate_single_line],
        help_text=_(
            "Such as Wang of Wang Fang, or Lovelace of Ada Lovelace. If you have one name only, leave this empty."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    native_name = forms.CharField(
        label=_("Name in its own script"),
        max_length=200,
        required=False,
        validators=[validate_single_line],
        help_text=_("For example 王小明, Дмитрий Иванов or عمر خالد."),
    )
    name_order = forms.ChoiceField(label=_("Order of your names"), choices=NameOrder.choices)
    affiliation = forms.CharField(
        label=_("University or organisation"),
        max_length=300,
        required=False,
        validators=[validate_single_line],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(
        label=_("Country or region"),
        required=False,
        choices=lambda: [("", _("Not said")), *countries],
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    orcid = forms.RegexField(
        r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]\Z",
        label="ORCID iD",
        required=False,
        help_text=_("Four groups of four, such as 0000-0002-1825-0097."),
        error_messages={"invalid": _("Write the 16 characters of your ORCID iD, such as 0000-0002-1825-0097.")},
    )
    language = forms.ChoiceField(
        label=_("Language of pages and mail"), choices=settings.LANGUAGES, widget=forms.RadioSelect
    )
    time_zone = TimeZoneField(
        label=_("Time zone"),
        required=False,
        blank=_("Not said"),
        help_text=_("Mail then tells times in your zone, too."),
    )

    def __init__(self, *args: Any, user: User, person: Person | None, **kwargs: Any) -> None:
        initial: dict[str, Any] = {name: getattr(user, name) for name in ("name", "language", "time_zone")}
        if person is not None:
            names = ("family_name", "native_name", "name_order", "affiliation", "orcid")
            initial |= {name: getattr(person, name) for name in names}
            initial["country"] = str(person.country)
        else:
            initial["name_order"] = NameOrder.AS_WRITTEN
        super().__init__(*args, initial=initial, **kwargs)
        self.fields["time_zone"].keep = user.time_zone  # type: ignore[attr-defined]
