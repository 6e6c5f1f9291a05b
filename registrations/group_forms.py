"""The public form of a group: one person after the other, each with fields of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from accounts.services import institutions
from common.forms import Form
from common.problems import Problem
from common.text import email_key
from events.forms import OneLine
from registrations.answer_fields import with_questions
from registrations.forms import SomebodysForm, TicketField
from registrations.models import Question, TicketType
from registrations.problems import LARGEST_GROUP, problems_with_group
from registrations.services.registering import Applicant

#: Stands for the number of somebody whom a script adds.
BLANK: Final = "__n__"
#: Who is in the group: browsers send this field of each, be it empty.
_PERSON: Final = re.compile(r"person-([1-9]\d{0,3})-name")
_OF_PERSON: Final = re.compile(r"registrations\[(\d+)\]\.(.+)")
#: What people of a group mostly share.
_TAKEN_OVER: Final = ("ticket_type", "affiliation", "institution")


class MemberForm(SomebodysForm):
    """One person of a group: who they are, their ticket, and what must be answered. All else they can say themselves later."""

    name = OneLine(
        label=_("Name"),
        max_length=200,
        help_text=_("In Latin letters; as in the passport of those who travel with one. This is what the ticket says."),
    )
    native_name = OneLine(
        label=_("Name in their own script"),
        max_length=200,
        required=False,
        help_text=_("If it is written in other letters or characters, such as 王芳 or Ольга."),
    )
    ticket_type = TicketField(label=_("Ticket"), widget=forms.Select)
    country = None  # type: ignore[assignment]  # Django's way to leave out a field
    language = None  # type: ignore[assignment]

    def __init__(self, *args: Any, tickets: Sequence[TicketType], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["ticket_type"]
        assert isinstance(field, TicketField)
        is_one = len(tickets) == 1
        field.offer(tickets, invitation="" if is_one else _("Choose a ticket"))
        if is_one and (not self.is_bound or self["ticket_type"].value() == str(tickets[0].pk)):
            # Nobody is asked where there is no choice.
            self.fields["ticket_type"].widget = forms.HiddenInput()
            field.initial = tickets[0].pk
        self.fields["email"].widget.attrs["data-mailbox"] = ""

    @property
    def number(self) -> str:
        return str(self.prefix).removeprefix("person-")


class SharedForm(Form):
    """What is said once for all. `website` is a trap for programs: people never see it."""

    language = forms.ChoiceField(label=_("Language of our mails to them"), choices=settings.LANGUAGES)
    website = forms.CharField(required=False, widget=forms.HiddenInput)
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)


class GroupForm:
    """Several people; the fields of each are called `person-N-…`.

    Whatever is wrong with one of them stands beside their fields, and what is wrong with all of them above.
    """

    most: Final = LARGEST_GROUP

    def __init__(
        self,
        member_class: type[MemberForm],
        *,
        data: QueryDict | None = None,
        files: MultiValueDict[str, Any] | None = None,
        questions: Sequence[Question],
        tickets: Sequence[TicketType],
        initial: dict[str, Any],
    ) -> None:
        self.is_bound = data is not None
        self._make = lambda number, **given: member_class(
            prefix=f"person-{number}", questions=questions, tickets=tickets, **given
        )
        self.shared = SharedForm(data, initial=initial)
        numbers = numbers_in(data) if data is not None else [1]
        # One too many says that there are too many.
        self.members: list[MemberForm] = [
            self._make(number, data=data, files=files) for number in numbers[: LARGEST_GROUP + 1]
        ]

    @cached_property
    def blank(self) -> MemberForm:
        """Of somebody whom a script adds."""
        return self._make(BLANK)

    @property
    def is_alone(self) -> bool:
        return len(self.members) == 1

    @property
    def has_files(self) -> bool:
        return self.members[0].has_files

    def unchecked(self) -> GroupForm:
        """Shows what was typed, and finds no fault with it yet."""
        for form in (self.shared, *self.members):
            form.unchecked()
        return self

    def is_valid(self) -> bool:
        are_valid = [form.is_valid() for form in (self.shared, *self.members)]
        keys = [email_key(member.cleaned_data.get("email", "")) for member in self.members]
        problems = problems_with_group(keys)
        self.add_problems(problems)
        return all(are_valid) and not problems

    def add_problems(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if of_person := _OF_PERSON.fullmatch(problem.field):
                self.members[int(of_person[1])].add_problems([replace(problem, field=of_person[2])])
            else:
                self.shared.add_problems([problem])

    @property
    def errors(self) -> list[Any]:
        """Of all forms, for their number."""
        return [error for form in (self.shared, *self.members) for error in form.errors]

    @property
    def people(self) -> list[Applicant]:
        """As the service takes them."""
        return [
            Applicant(
                ticket_type=member.cleaned_data["ticket_type"],
                email=member.cleaned_data["email"],
                language=self.shared.cleaned_data["language"],
                answers=member.answers,
                institution=institutions.Chosen(**member.affiliated()),
                **member.words(),
            )
            for member in self.members
        ]


def member_form(questions: Sequence[Question]) -> type[MemberForm]:
    """With the fields of each question."""
    made: type[MemberForm] = with_questions(MemberForm, questions)
    return made


def numbers_in(data: QueryDict) -> list[int]:
    """Of the people of whom something was sent, in their order; at least one."""
    return sorted({int(found[1]) for name in data if (found := _PERSON.fullmatch(name))}) or [1]


def change_people(data: QueryDict) -> str:
    """`add` in the form asks for one more person, whose prefix is returned; `remove` for one fewer, by their number."""
    numbers = numbers_in(data)
    if "add" in data and len(numbers) < LARGEST_GROUP:
        last, new = f"person-{numbers[-1]}", f"person-{numbers[-1] + 1}"
        data[f"{new}-name"] = ""
        for name in _TAKEN_OVER:
            data[f"{new}-{name}"] = data.get(f"{last}-{name}", "")
        return new
    gone = f"person-{data.get('remove', '')}-"
    for name in [name for name in data if name.startswith(gone)]:
        del data[name]
    return ""
