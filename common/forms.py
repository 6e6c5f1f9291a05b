"""How forms look and behave everywhere: one renderer, and a base that every form of ours starts from."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Self
from weakref import WeakSet

from django import forms
from django.conf import settings
from django.forms.renderers import TemplatesSetting
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nFormField, I18nWidget

from common.problems import Problem


class Renderer(TemplatesSetting):
    """Forms as templates/django/forms/ lays them out: label above, help under it, error beside the field."""


#: What a browser may fill in about its owner, by the name that our forms give a field.
AUTOCOMPLETE: Final = {
    "name": "name",
    "email": "email",
    "affiliation": "organization",
    "organization": "organization",
    "country": "country",
    "phone": "tel",
    "website": "url",
    "language": "language",
}

#: How to mend what Django only names. A field's own words stay. Codes as Django gives them; the first kind that fits.
_CHOOSE: Final[dict[str, Any]] = {"required": _("Choose one.")}
WORDS: Final[list[tuple[type[forms.Field], dict[str, Any]]]] = [
    (forms.BooleanField, {"required": _("Tick this to go on.")}),
    (forms.MultipleChoiceField, {"required": _("Choose at least one.")}),
    (forms.ModelMultipleChoiceField, {"required": _("Choose at least one.")}),
    (forms.ChoiceField, _CHOOSE),
    (forms.ModelChoiceField, _CHOOSE),
    (forms.FileField, {"required": _("Choose a file."), "empty": _("This file is empty. Choose another.")}),
    (forms.EmailField, {"invalid": _("Write the whole address, such as name@example.org.")}),
    (forms.URLField, {"invalid": _("Write the whole address, such as https://example.org.")}),
    (forms.DateTimeField, {"invalid": _("Write a day and a time, such as 2027-06-07 09:00.")}),
    (forms.DateField, {"invalid": _("Write a day such as 2027-06-07.")}),
    (forms.TimeField, {"invalid": _("Write a time such as 09:00.")}),
    (forms.DecimalField, {"invalid": _("Write a number, in digits.")}),
    (forms.FloatField, {"invalid": _("Write a number, in digits.")}),
    (forms.IntegerField, {"invalid": _("Write a whole number, in digits.")}),
    (
        forms.Field,
        {
            "required": _("Fill this in."),
            "max_length": _("Shorten this to %(limit_value)d characters; it has %(show_value)d."),
            "min_length": _("Write at least %(limit_value)d characters; this has %(show_value)d."),
            "min_value": _("Write %(limit_value)s or more."),
            "max_value": _("Write %(limit_value)s or less."),
        },
    ),
]


#: Classes of forms whose fields are tuned.
_tuned: Final[WeakSet[type]] = WeakSet()


class FormBehaviour:
    """Right keyboards and autofill on phones, dates as browsers write them, refusals of services beside their fields."""

    # The browser's own bubbles speak its language, not the page's, and vanish: the page says what is wrong.
    use_required_attribute = False
    #: The form asks about the person who fills it in: browsers may offer what they know of their owner.
    autofill: ClassVar[bool] = False

    base_fields: ClassVar[dict[str, forms.Field]]
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        kind = type(self)
        if kind not in _tuned:
            # Once for the class, whose fields each form copies. Those of its base are the same until then.
            tuned = copy.deepcopy(self.base_fields)
            for name, field in tuned.items():
                tune(name, field, autofill=self.autofill)
            kind.base_fields = tuned
            _tuned.add(kind)
        super().__init__(*args, **kwargs)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Show why a service refused: each beside its field where the form has it, otherwise above the form."""
        for problem in problems:
            field = problem.field if problem.field in self.fields else None
            message = f"{problem.message} {problem.fix}".strip()
            self.add_error(field, forms.ValidationError(message, code=problem.code))  # type: ignore[attr-defined]


class Form(FormBehaviour, forms.Form):
    """A form that calls a service."""

    def unchecked(self) -> Self:
        """Shows what was typed, and finds no fault with it yet."""
        self._errors = forms.utils.ErrorDict(renderer=self.renderer)
        self.cleaned_data = {}
        return self


def tune(name: str, field: forms.Field, *, autofill: bool = False) -> None:
    """Set what the widget's kind and the field's name imply; what a form has set itself stays."""
    widget = field.widget
    attrs = widget.attrs
    # Browsers would cut off what is pasted, and say nothing.
    attrs.pop("maxlength", None)
    _say_how_to_mend(field)
    if isinstance(widget, forms.EmailInput):
        for key, value in {"inputmode": "email", "spellcheck": "false", "autocapitalize": "none"}.items():
            attrs.setdefault(key, value)
    elif isinstance(widget, forms.NumberInput):
        attrs.setdefault(
            "inputmode", "decimal" if isinstance(field, forms.DecimalField | forms.FloatField) else "numeric"
        )
    elif isinstance(widget, forms.URLInput):
        attrs.setdefault("inputmode", "url")
    elif isinstance(widget, forms.DateInput):
        _as_browsers_write(widget, "date", "%Y-%m-%d")
    elif isinstance(widget, forms.TimeInput):
        _as_browsers_write(widget, "time", "%H:%M")
    elif isinstance(widget, forms.DateTimeInput):
        _as_browsers_write(widget, "datetime-local", "%Y-%m-%dT%H:%M")
    if name in AUTOCOMPLETE and isinstance(widget, forms.TextInput | forms.EmailInput | forms.URLInput | forms.Select):
        attrs.setdefault("autocomplete", AUTOCOMPLETE[name] if autofill else "off")


def _say_how_to_mend(field: forms.Field) -> None:
    own = {
        code
        for code, words in field.error_messages.items()
        if not any(kind.__dict__.get("default_error_messages", {}).get(code) == words for kind in type(field).__mro__)
    }
    for kind, words in reversed(WORDS):
        if isinstance(field, kind):
            field.error_messages.update({code: text for code, text in words.items() if code not in own})


def _as_browsers_write(
    widget: forms.DateInput | forms.TimeInput | forms.DateTimeInput, kind: str, form_of_value: str
) -> None:
    widget.input_type = kind
    widget.format = form_of_value
    # Localized formats are for reading; an input of this kind takes only its own.
    widget.is_localized = False


class QuickSelect(forms.Select):
    """For long lists, such as of countries: all options at once, where templates go through each."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Each form copies its fields. That goes for the list itself, not for each of its options.
        made = copy.copy(self)
        made.attrs = self.attrs.copy()
        memo[id(self)] = made
        return made

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        chosen = set(map(str, self.format_value(value)))
        options = ((key, mark_safe(" selected") if str(key) in chosen else "", label) for key, label in self.choices)
        return format_html(
            "<select{}>{}</select>",
            flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})})),
            format_html_join("", '<option value="{}"{}>{}</option>', options),
        )


class _LanguageInputs(I18nWidget):
    """One labelled input per language of the event."""

    use_fieldset = True

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        values = value if isinstance(value, list) else self.decompress(value)
        shared = self.build_attrs(self.attrs, attrs or {})
        group = shared.pop("id", f"id_{name}")
        shared.pop("required", None)
        names = dict(settings.LANGUAGES)
        shown = [n for n, locale in enumerate(self.locales) if locale in self.enabled_locales]
        rows = []
        for n in shown:
            own = {**shared, "id": f"{group}_{n}"}
            described = f"{group}_helptext" if self.field.help_text else ""
            if described:
                own["aria-describedby"] = described
            inner = self.widgets[n].render(f"{name}_{n}", values[n] if n < len(values) else None, own, renderer)
            rows.append((own["id"], names.get(self.locales[n], self.locales[n]), inner))
        return format_html(
            '<div class="field-languages">{}</div>',
            format_html_join("", '<div class="field-language"><label for="{}">{}</label>{}</div>', rows),
        )

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else ""


class LanguagesInput(_LanguageInputs):
    widget = forms.TextInput


class LanguagesTextarea(_LanguageInputs):
    widget = forms.Textarea


class LocalizedField(I18nFormField):
    """A text in each of the event's languages: `LocalizedField(label=…, locales=event.locales, lines=True)`.

    Required means in at least one language. `lines`: several lines.
    """

    default_error_messages: ClassVar[dict[str, Any]] = {}

    def __init__(self, *, lines: bool = False, rows: int = 6, **kwargs: Any) -> None:
        kwargs.setdefault("widget", LanguagesTextarea if lines else LanguagesInput)
        kwargs.setdefault("require_all_fields", False)
        if lines:
            kwargs.setdefault("widget_kwargs", {"attrs": {"rows": rows}})
        super().__init__(**kwargs)
        if self.one_required:
            self.error_messages["required"] = _("Write this in at least one language.")

    @property
    def shown_as_required(self) -> bool:
        return bool(self.one_required)
