"""Questions as fields of a form. The fields check nothing themselves: `registrations.answering` does, for forms and API alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import get_text_list
from django.utils.translation import gettext, pgettext
from django_countries import countries

from common.forms import Form, QuickSelect
from registrations.answering import LONGEST_OTHER, Read, read_answers
from registrations.models import Answer, AnswerFile, Question, QuestionKind, QuestionSection, words_of
from registrations.services.answers import DEFAULT_MEGABYTES, file_types_of
from registrations.sniffing import FILE_TYPES

K = QuestionKind

ANSWER: Final = "answer_"
#: An answer of one's own beside those to choose from.
OTHER: Final = "other_"
#: A file that was sent already, by its reference.
KEPT: Final = "kept_"
#: What the choice “Other” sends.
OTHER_CHOICE: Final = "__other__"
#: More answers than this are a list to open, not buttons.
MOST_BUTTONS: Final = 7


def country_choices() -> list[tuple[str, str]]:
    """In the order of the reader's language, with a first line that says what to do."""
    return [("", pgettext("country", "Choose a country or region")), *((c.code, c.name) for c in countries)]


class FileAnswerInput(forms.FileInput):
    """A file to send, and the one that was sent before, which stays unless another is chosen."""

    template_name = "registrations/fields/file.html"
    kept: AnswerFile | None = None
    kept_name = ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        return {**context, "kept": self.kept, "kept_name": self.kept_name}


class UnitInput(forms.TextInput):
    template_name = "registrations/fields/unit.html"

    def __init__(self, *, unit: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return {**super().get_context(name, value, attrs), "unit": self.unit}


@dataclass(kw_only=True)
class Asked:
    """One question in the page: its fields, and when it is asked."""

    question: Question
    fields: list[BoundField]
    # The name of the field that decides whether it is asked.
    condition_field: str = ""
    # "Only if …", for those whose browser does not show and hide.
    only_if: str = ""

    @property
    def condition_values(self) -> str:
        """As the form sends them, one a line."""
        return "\n".join(_sent(value) for value in self.question.condition_values)

    @property
    def tickets(self) -> str:
        return " ".join(str(ticket.pk) for ticket in self.question.ticket_types.all())


@dataclass(kw_only=True)
class SectionShown:
    section: QuestionSection | None
    asked: list[Asked] = field(default_factory=list)


class AnswersForm(Form):
    """A form with the event's questions, made by `with_questions`."""

    #: The form is for somebody with this ticket; otherwise it has a field `ticket_type`, and asks what each may ask.
    ticket_id: int | None = None

    def __init__(
        self, *args: Any, questions: Sequence[Question], stored: Mapping[str, Answer] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        #: Answers given before, by identifier.
        self.stored = stored or {}
        self.kept: dict[str, AnswerFile] = {}
        self._file_problems: dict[str, list[Any]] = {}
        for answer in self.stored.values():
            self._keep_choosable(answer)
        if self.prefix:
            for name in self.fields:
                if name.startswith(OTHER):
                    decides = self.fields[name].widget.attrs
                    decides["data-shown-if"] = self.add_prefix(decides["data-shown-if"])

    @property
    def answers(self) -> dict[str, Any]:
        """By identifier, as the services take them; what is not asked of whoever filled in the form is left out. Of a form that is
        checked."""
        return self._answered[0]

    @cached_property
    def _answered(self) -> tuple[dict[str, Any], Read]:
        """And what is to be said of them."""
        given = {question.identifier: self._given(question) for question in self.questions}
        read = self._read(given)
        left_out = {p.field.removeprefix("answers.") for p in read.problems if p.code == "not_asked"}
        if left_out:
            given = {name: value for name, value in given.items() if name not in left_out}
            read = self._read(given)
        return given, read

    def _read(self, given: dict[str, Any]) -> Read:
        return read_answers(
            self.questions,
            given,
            ticket_id=self._ticket(),
            country=str(self.cleaned_data.get("country") or ""),
            stored={name: answer.value for name, answer in self.stored.items()},
        )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        given, read = self._answered
        refused = set()
        for identifier, problems in self._file_problems.items():
            if identifier in given:
                refused.add(f"answers.{identifier}")
                for problem in problems:
                    self.add_error(f"{ANSWER}{identifier}", f"{problem.message} {problem.fix}")
        self.add_problems([problem for problem in read.problems if problem.field not in refused])
        return values

    def add_problems(self, problems: Any) -> None:
        """Problems with answers stand beside their questions."""
        for problem in problems:
            name = problem.field.removeprefix("answers.")
            field = f"{ANSWER}{name}" if problem.field.startswith("answers.") else problem.field
            field = field if field in self.fields else None
            words = problem.fix if problem.code == "answer_required" else f"{problem.message} {problem.fix}".strip()
            self.add_error(field, forms.ValidationError(words, code=problem.code))

    # -- Files -----------------------------------------------------------------------------------------------------------

    @property
    def uploads(self) -> Iterator[tuple[Question, Any, str]]:
        """Each file question with what was sent just now, and the reference of what was sent before."""
        for question in self.questions:
            if question.kind == K.FILE:
                sent, kept = (self.add_prefix(f"{part}{question.identifier}") for part in (ANSWER, KEPT))
                yield question, self.files.get(sent), str(self.data.get(kept, ""))

    def keep(self, question: Question, file: AnswerFile) -> None:
        widget = self.fields[f"{ANSWER}{question.identifier}"].widget
        assert isinstance(widget, FileAnswerInput)
        widget.kept = file
        widget.kept_name = self.add_prefix(f"{KEPT}{question.identifier}")
        self.kept[question.identifier] = file

    def refuse(self, question: Question, problems: Sequence[Any]) -> None:
        self._file_problems[question.identifier] = list(problems)

    # -- Layout ----------------------------------------------------------------------------------------------------------

    @property
    def person_fields(self) -> list[BoundField]:
        """Visible ones that are no questions."""
        return [field for field in self.visible_fields() if not field.name.startswith((ANSWER, OTHER))]

    @property
    def sections(self) -> list[SectionShown]:
        shown: list[SectionShown] = []
        for question in self.questions:
            if not shown or (shown[-1].section and shown[-1].section.pk) != question.section_id:
                shown.append(SectionShown(section=question.section))
            names = [f"{prefix}{question.identifier}" for prefix in (ANSWER, OTHER)]
            fields = [self[name] for name in names if name in self.fields]
            asked = Asked(question=question, fields=fields, only_if=self._only_if(question))
            if decides := question.condition_question:
                asked.condition_field = self.add_prefix(f"{ANSWER}{decides.identifier}")
            shown[-1].asked.append(asked)
        return shown

    @property
    def has_files(self) -> bool:
        return any(question.kind == K.FILE for question in self.questions)

    def _only_if(self, question: Question) -> str:
        rules = []
        if (tickets := list(question.ticket_types.all())) and self.ticket_id is None:
            names = get_text_list([f"“{ticket.name}”" for ticket in tickets], gettext("or"))
            rules.append(gettext("Only with the ticket %(tickets)s.") % {"tickets": names})
        if decides := question.condition_question:
            words = [f"“{words_of(decides, value)}”" for value in question.condition_values]
            rules.append(
                gettext("Only if you answer “%(question)s” with %(answers)s.")
                % {"question": decides.label, "answers": get_text_list(words, gettext("or"))}
            )
        return " ".join(rules)

    # -- Values ----------------------------------------------------------------------------------------------------------

    def _ticket(self) -> int | None:
        if self.ticket_id is not None:
            return self.ticket_id
        ticket = self.cleaned_data.get("ticket_type")
        return ticket.pk if ticket else None

    def _given(self, question: Question) -> Any:
        name = question.identifier
        value = self.cleaned_data.get(f"{ANSWER}{name}")
        if question.kind == K.FILE:
            return self.kept[name].reference if name in self.kept else None
        if question.kind == K.YES_NO:
            return {"yes": True, "no": False}.get(str(value))
        if question.kind == K.CONSENT:
            return True if value else None
        if question.kind == K.NUMBER:
            return _number(value)
        if question.kind == K.LONG_TEXT:
            # As the page sends them, lines end with two characters.
            return (value or "").replace("\r\n", "\n") or None
        if question.kind == K.CHOICE:
            return self._with_other(question, value) if value else None
        if question.kind == K.MULTIPLE_CHOICE:
            return [self._with_other(question, one) for one in value or []]
        return value.strip() if question.kind in {K.DATE, K.PHONE} and value else value or None

    def _with_other(self, question: Question, value: str) -> Any:
        if value != OTHER_CHOICE:
            return value
        return {"other": self.cleaned_data.get(f"{OTHER}{question.identifier}") or ""}

    def _keep_choosable(self, answer: Answer) -> None:
        """An answer that is no longer offered can be kept."""
        field = self.fields.get(f"{ANSWER}{answer.question.identifier}")
        if field is None or answer.question.kind not in {K.CHOICE, K.MULTIPLE_CHOICE}:
            return
        offered = {value for value, _label in field.widget.choices}
        labels = answer.version.option_labels
        chosen = answer.value if isinstance(answer.value, list) else [answer.value]
        for one in chosen:
            if isinstance(one, str) and one not in offered:
                label = gettext("%(answer)s (as answered before)") % {"answer": labels.get(one, one)}
                field.widget.choices = [*field.widget.choices, (one, label)]


def with_questions(base: type[AnswersForm], questions: Sequence[Question]) -> type[Any]:
    """`base` with the fields of each question: fields are declared before a form is bound, so that all is tuned alike."""
    fields: dict[str, forms.Field] = {}
    for question in questions:
        fields[f"{ANSWER}{question.identifier}"] = field_for(question)
        if question.settings.get("has_other"):
            fields[f"{OTHER}{question.identifier}"] = _other_for(question)
    return type(base.__name__, (base,), fields)


def initial_answers(stored: Mapping[str, Answer]) -> dict[str, Any]:
    """Answers given before as the form's fields take them."""
    initial: dict[str, Any] = {}
    for name, answer in stored.items():
        value = answer.value
        chosen = value if isinstance(value, list) else [value]
        for one in chosen:
            if isinstance(one, dict):
                initial[f"{OTHER}{name}"] = one.get("other", "")
        as_sent = [OTHER_CHOICE if isinstance(one, dict) else _sent(one) for one in chosen]
        if answer.question.kind == K.MULTIPLE_CHOICE:
            initial[f"{ANSWER}{name}"] = as_sent
        elif answer.question.kind == K.CONSENT:
            initial[f"{ANSWER}{name}"] = value is True
        else:
            initial[f"{ANSWER}{name}"] = as_sent[0] if as_sent else None
    return initial


def field_for(question: Question) -> forms.Field:
    made = forms.Field(label=_label(question), help_text=_help(question), required=False, widget=_widget_for(question))
    made.shown_as_required = question.is_required  # type: ignore[attr-defined]
    if question.is_sensitive or question.kind == K.FILE:
        made.widget.attrs["data-draft"] = "no"
    return made


def _label(question: Question) -> str:
    return str(question.label)


def _help(question: Question) -> SafeString:
    """What the organizer wrote, as text; then what is taken."""
    parts = []
    if words := str(question.help_text):
        parts.append(mark_safe(linebreaks(words, autoescape=True)))  # noqa: S308 (escaped just here)
    if question.kind == K.CONSENT and (link := question.settings.get("link")):
        parts.append(
            format_html(
                '<a href="{}" target="_blank" rel="noopener">{}</a>', link, gettext("Read it (opens a new tab)")
            )
        )
    parts += [format_html("<p>{}</p>", words) for words in _what_is_taken(question)]
    return mark_safe("".join(parts))  # noqa: S308 (each part is)


def _what_is_taken(question: Question) -> Iterator[str]:
    settings = question.settings
    if question.kind == K.NUMBER:
        least, most = (localize(Decimal(str(settings[n]))) if n in settings else None for n in ("minimum", "maximum"))
        if least and most:
            yield gettext("From %(least)s to %(most)s.") % {"least": least, "most": most}
        elif least:
            yield gettext("%(least)s or more.") % {"least": least}
        elif most:
            yield gettext("%(most)s or less.") % {"most": most}
    elif question.kind == K.MULTIPLE_CHOICE:
        least, most = settings.get("at_least"), settings.get("at_most")
        if least and most:
            yield (
                gettext("Choose %(least)s to %(most)s.") % {"least": least, "most": most}
                if least != most
                else (gettext("Choose %(count)s.") % {"count": least})
            )
        elif most:
            yield gettext("Choose at most %(most)s.") % {"most": most}
        else:
            yield gettext("Choose all that apply.")
    elif question.kind == K.PHONE:
        yield gettext("With the country code, such as +86 138 0013 8000.")
    elif question.kind == K.FILE:
        kinds = ", ".join(FILE_TYPES[code].label for code in file_types_of(question))
        yield gettext("%(kinds)s, at most %(size)s MB.") % {
            "kinds": kinds,
            "size": settings.get("max_megabytes", DEFAULT_MEGABYTES),
        }


def _widget_for(question: Question) -> forms.Widget:
    kind, settings = question.kind, question.settings
    if kind == K.LONG_TEXT:
        return forms.Textarea(attrs={"rows": 5})
    if kind == K.NUMBER:
        whole = Decimal(str(settings.get("step", 1))) % 1 == 0
        may_be_below = settings.get("minimum", -1) < 0
        # Keyboards of digits have no minus on some telephones.
        attrs = {"inputmode": "text" if may_be_below else ("numeric" if whole else "decimal"), "class": "input-short"}
        return UnitInput(unit=question.unit, attrs=attrs) if question.unit else forms.TextInput(attrs=attrs)
    if kind in {K.CHOICE, K.MULTIPLE_CHOICE}:
        return _choices_for(question)
    if kind == K.YES_NO:
        return forms.RadioSelect(choices=[("yes", gettext("Yes")), ("no", gettext("No"))])
    if kind == K.DATE:
        bounds = {"min": settings.get("earliest"), "max": settings.get("latest")}
        return forms.DateInput(attrs={name: value for name, value in bounds.items() if value})
    if kind == K.COUNTRY:
        return QuickSelect(choices=country_choices())
    if kind == K.PHONE:
        return forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel"})
    if kind == K.FILE:
        endings = [f".{end}" for code in file_types_of(question) for end in FILE_TYPES[code].endings]
        return FileAnswerInput(attrs={"accept": ",".join(endings)})
    if kind == K.CONSENT:
        return forms.CheckboxInput()
    return forms.TextInput()


def _choices_for(question: Question) -> forms.Widget:
    choices = [(identifier, str(label)) for identifier, label in question.option_labels.items()]
    if question.settings.get("has_other"):
        choices.append((OTHER_CHOICE, gettext("Other")))
    if question.kind == K.MULTIPLE_CHOICE:
        return forms.CheckboxSelectMultiple(choices=choices)
    if len(choices) > MOST_BUTTONS:
        return forms.Select(choices=[("", gettext("Choose one")), *choices])
    return forms.RadioSelect(choices=choices)


def _other_for(question: Question) -> forms.Field:
    field = forms.CharField(
        label=gettext("Other: which?"),
        required=False,
        strip=False,
        widget=forms.TextInput(
            attrs={"data-shown-if": f"{ANSWER}{question.identifier}", "data-shown-for": OTHER_CHOICE}
        ),
        help_text=gettext("Only if you chose “Other”."),
    )
    field.widget.attrs["data-longest"] = LONGEST_OTHER
    if question.is_sensitive:
        field.widget.attrs["data-draft"] = "no"
    return field


def _sent(value: Any) -> str:
    """A stored value as a form sends it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _number(typed: Any) -> Any:
    """What people type as a number in their languages; what is none stays what it is, and is refused as such."""
    text = str(typed or "").strip()
    if not text:
        return None
    plain = re.sub(r"[\s\u00a0\u202f]", "", text).replace("\u2212", "-")
    # 1,000 and 1,000.5 are thousands; 1,5 is one and a half.
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", plain):
        plain = plain.replace(",", "")
    elif plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        return Decimal(plain)
    except InvalidOperation:
        return text
