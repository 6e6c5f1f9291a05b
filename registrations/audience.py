"""Those who registered, and those of them who starred a session, as audiences of campaigns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from common.problems import Problem
from notifications.audiences import Audience, Filter, Person, Wanted, register_audience
from registrations import notices, segments
from registrations.models import (
    FollowedAgenda,
    Question,
    QuestionKind,
    Registration,
    RegistrationState,
    Segment,
    TicketType,
)
from scheduling.models import AgendaItem
from submissions.models import Submission

CODE: Final = "registrations"
_NAMES: Final = frozenset({"q", "segment", "state", "ticket", "country", "language"})


def register() -> None:
    register_audience(
        Audience(
            code="bookmarked",
            title=gettext_lazy("Attendees who starred a session"),
            addresses=addresses_of_readers,
            people=people,
            filters=filters_of_readers,
            problems=problems_with_readers,
        )
    )
    register_audience(
        Audience(
            code=CODE,
            title=gettext_lazy("People who registered"),
            addresses=addresses,
            people=people,
            filters=filters,
            problems=problems,
        )
    )


def addresses(event_id: int, wanted: Wanted) -> Iterable[tuple[int, str]]:
    found = segments.narrow(Registration.objects.filter(event=event_id), wanted)
    for saved in Segment.objects.filter(event=event_id, pk__in=segments.values_of(wanted, "segment")):
        found = segments.narrow(found, saved.wanted)
    # The newest of an address speaks for it: who cancelled and came back has a place.
    return found.order_by("-pk").values_list("pk", "email_key")


def people(event_id: int, numbers: Collection[int]) -> Iterator[Person]:
    found = Registration.objects.filter(event=event_id, pk__in=numbers).select_related("ticket_type", "event__venue")
    for registration in found:
        facts = notices.facts(registration)
        yield Person(
            number=registration.pk,
            to=notices.recipient(registration),
            context={name: facts[name] for name in ("name", "event", "ticket", "code", "link")},
        )


def filters(event_id: int) -> list[Filter]:
    everybody = Registration.objects.filter(event=event_id)
    languages = dict(settings.LANGUAGES)
    used = everybody.order_by("language").values_list("language", flat=True).distinct()
    offered = [
        Filter(
            name="state",
            label=_("State"),
            choices=tuple((state, capfirst(str(state.label))) for state in RegistrationState),
            initial=(RegistrationState.CONFIRMED,),
        ),
        Filter(
            name="ticket",
            label=_("Ticket"),
            choices=tuple((str(ticket.pk), str(ticket.name)) for ticket in TicketType.objects.filter(event=event_id)),
        ),
        Filter(
            name="country",
            label=_("Country"),
            choices=tuple(
                (code, str(countries.name(code) or code)) for code in everybody.exclude(country="").countries()
            ),
        ),
        Filter(
            name="language",
            label=_("Language of mails"),
            choices=tuple((code, str(languages.get(code, code))) for code in used),
        ),
        *_answers(event_id),
        Filter(
            name="segment",
            label=_("Saved segment"),
            choices=tuple((str(pk), name) for pk, name in Segment.objects.filter(event=event_id).choices()),
        ),
        Filter(name="q", label=_("Name, address, affiliation or code")),
    ]
    return [each for each in offered if each.choices or each.name == "q"]


def _stars(event_id: int) -> QuerySet[AgendaItem]:
    """Of the agendas that somebody who has a place has named as theirs."""
    followed = FollowedAgenda.objects.filter(
        registration__event=event_id, registration__state=RegistrationState.CONFIRMED
    )
    return AgendaItem.objects.filter(agenda__in=followed.values("agenda"))


def addresses_of_readers(event_id: int, wanted: Wanted) -> Iterable[tuple[int, str]]:
    """Values of `session` are codes."""
    starred = _stars(event_id)
    if codes := segments.values_of(wanted, "session"):
        starred = starred.filter(submission__code__in=codes)
    found = Registration.objects.filter(
        event=event_id, state=RegistrationState.CONFIRMED, followed_agenda__agenda__in=starred.values("agenda")
    )
    return found.order_by("-pk").values_list("pk", "email_key")


def filters_of_readers(event_id: int) -> list[Filter]:
    starred = Submission.objects.filter(pk__in=_stars(event_id).values("submission")).order_by("code")
    choices = tuple((session.code, str(session.title)) for session in starred)
    return [Filter(name="session", label=_("Session"), choices=choices)] if choices else []


def problems_with_readers(event_id: int, wanted: Wanted) -> list[Problem]:
    unknown = [name for name in wanted if name != "session"]
    found = [
        Problem(
            code="unknown",
            field="audiences",
            message=_("Those who starred a session cannot be filtered by %(name)s.") % {"name": name},
        )
        for name in unknown
    ]
    codes = set(map(str, segments.values_of(wanted, "session")))
    if codes - set(Submission.objects.filter(event=event_id, code__in=codes).values_list("code", flat=True)):
        found.append(Problem(code="unknown", field="audiences", message=_("There is no such session.")))
    return found


def _answers(event_id: int) -> Iterator[Filter]:
    for question in Question.objects.filter(event=event_id).in_order():
        name = f"{segments.ANSWER}{question.identifier}"
        if question.kind == QuestionKind.YES_NO:
            choices: tuple[tuple[str, str], ...] = (("true", _("Yes")), ("false", _("No")))
            yield Filter(name=name, label=str(question.label), choices=choices)
        elif labels := question.option_labels:
            choices = tuple((identifier, str(label)) for identifier, label in labels.items())
            yield Filter(name=name, label=str(question.label), choices=choices)


def problems(event_id: int, wanted: Wanted) -> list[Problem]:
    unknown = [name for name in wanted if name not in _NAMES and not name.startswith(segments.ANSWER)]
    found = [
        Problem(
            code="unknown",
            field="audiences",
            message=_("People who registered cannot be filtered by %(name)s.") % {"name": name},
        )
        for name in unknown
    ]
    tickets = set(map(str, segments.values_of(wanted, "ticket")))
    if tickets - {str(pk) for pk in TicketType.objects.filter(event=event_id).values_list("pk", flat=True)}:
        found.append(Problem(code="unknown", field="audiences", message=_("There is no such ticket.")))
    if set(map(str, segments.values_of(wanted, "state"))) - set(RegistrationState.values):
        found.append(Problem(code="unknown", field="audiences", message=_("There is no such state.")))
    saved = set(map(str, segments.values_of(wanted, "segment")))
    if saved - {str(pk) for pk in Segment.objects.filter(event=event_id).values_list("pk", flat=True)}:
        found.append(Problem(code="unknown", field="audiences", message=_("There is no such segment.")))
    return found
