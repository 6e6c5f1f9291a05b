from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services.addresses import language_of, verified_keys
from common import audit
from common.codes import new_secret
from common.problems import Problem, Refusal
from events.models import Event, Invitation, Organisation, Permission, Team, TeamMember
from events.notices import TEAM_INVITATION
from events.policies import may_manage_team, permissions_everywhere, permissions_of
from events.problems import problems_with_granting, problems_with_nobody_managing
from events.services.texts import assign, locked, take_over, validate
from notifications.notices import Notice, Recipient
from notifications.services import ledger


class CannotChangeTeam(Refusal):
    """Codes `more_than_you_have`, `not_your_team`, `nobody_left`, `no_events`, `event_of_another_organisation`."""


class CannotInvite(Refusal):
    """Code `member_already`, and those of CannotChangeTeam."""


class CannotAccept(Refusal):
    """Code `other_address`: none of the user's verified addresses is the invited one."""


@transaction.atomic
def create_team(
    *,
    organisation: Organisation,
    name: str,
    permissions: Collection[str],
    all_events: bool = False,
    events: Iterable[Event] = (),
    actor: User | None,
    now: datetime,
) -> Team:
    """Audit "team_created". Raises Invalid, CannotChangeTeam."""
    chosen = [] if all_events else list(events)
    _refuse_grant(actor, organisation, permissions, all_events, chosen)
    team = Team(organisation=organisation, name=name, permissions=_in_order(permissions), all_events=all_events)
    validate(team)
    team.save()
    team.events.set(chosen)
    audit.record(
        actor=actor,
        verb="team_created",
        subject=team,
        at=now,
        event_id=_only(chosen),
        permissions=team.permissions,
        all_events=all_events,
        events=[event.slug for event in chosen],
    )
    return team


@transaction.atomic
def update_team(
    *,
    team: Team,
    changes: Mapping[str, Any],
    actor: User | None,
    now: datetime,
) -> Team:
    """Change `name`, `permissions`, `all_events`, `events`. Locks the organisation, so that two changes at once cannot
    leave nobody who manages teams. Audit "team_changed". Raises Invalid, CannotChangeTeam."""
    locked(team.organisation)
    stored = locked(team)
    _refuse_stranger(actor, stored)
    fields = {name: value for name, value in changes.items() if name != "events"}
    if "permissions" in fields:
        fields["permissions"] = _in_order(fields["permissions"])
    all_events = fields.get("all_events", stored.all_events)
    chosen = [] if all_events else list(changes.get("events", stored.events.all()))
    _refuse_grant(actor, stored.organisation, fields.get("permissions", stored.permissions), all_events, chosen)
    changed = assign(stored, fields, "en")
    validate(stored)
    stored.save()
    stored.events.set(chosen)
    _refuse_nobody(stored.organisation)
    audit.record(
        actor=actor,
        verb="team_changed",
        subject=stored,
        at=now,
        event_id=_only(chosen),
        fields=sorted(changed),
        permissions=stored.permissions,
        all_events=stored.all_events,
        events=[event.slug for event in chosen],
    )
    return take_over(team, stored, fields)


@transaction.atomic
def delete_team(*, team: Team, actor: User | None, now: datetime) -> None:
    """With its memberships and invitations. Audit "team_deleted". Raises CannotChangeTeam."""
    organisation = locked(team.organisation)
    locked(team)
    _refuse_stranger(actor, team)
    audit.record(
        actor=actor,
        verb="team_deleted",
        subject=team,
        at=now,
        event_id=_only(list(team.events.all())),
        members=list(team.members.values_list("user__email", flat=True)),
    )
    _withdraw([f"invitation:{pk}" for pk in team.invitations.values_list("pk", flat=True)], now)
    # Not `team.delete()`: a refusal rolls the rows back, and the caller's object must still know which row it is.
    Team.objects.filter(pk=team.pk).delete()
    _refuse_nobody(organisation)


@transaction.atomic
def invite(*, team: Team, email: str, language: str = "", actor: User | None, now: datetime) -> Invitation:
    """Ask an address to join, by mail; in the language of its account, or else in `language`.

    Repeating it sends nothing anew. Audit "team_invited", notice TEAM_INVITATION. Raises Invalid, CannotInvite.
    """
    locked(team.organisation)
    _refuse_stranger(actor, team)
    _refuse_grant(actor, team.organisation, team.permissions, team.all_events, list(team.events.all()))
    invitation = Invitation(team=team, email=email.strip(), secret=new_secret(), invited_by=actor, invited_at=now)
    invitation.clean()
    if existing := Invitation.objects.filter(team=team, email_key=invitation.email_key).first():
        return existing
    if TeamMember.objects.filter(team=team, user__email__iexact=invitation.email).exists():
        raise CannotInvite(
            [Problem(code="member_already", field="email", message=_("This person is on the team already."))]
        )
    validate(invitation)
    invitation.save()
    _send(invitation, language_of(invitation.email) or language or "en", actor, now)
    audit.record(
        actor=actor,
        verb="team_invited",
        subject=team,
        at=now,
        event_id=_only(list(team.events.all())),
        email=invitation.email,
    )
    return invitation


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, actor: User | None, now: datetime) -> None:
    """The link works no more; mail that has not gone out stays. Audit "team_invitation_withdrawn"."""
    _refuse_stranger(actor, invitation.team)
    stored = locked(invitation)
    _withdraw([f"invitation:{stored.pk}"], now)
    audit.record(actor=actor, verb="team_invitation_withdrawn", subject=stored.team, at=now, email=stored.email)
    stored.delete()


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, now: datetime) -> TeamMember:
    """Audit "team_joined". Raises CannotAccept unless the invited address is a verified one of `user`."""
    if invitation.email_key not in verified_keys(user):
        raise CannotAccept(
            [
                Problem(
                    code="other_address",
                    message=_("This invitation was sent to another address than yours."),
                    fix=_("Sign in with the address that the mail came to, or add that address to your account."),
                )
            ]
        )
    member, is_new = TeamMember.objects.get_or_create(team=invitation.team, user=user, defaults={"joined_at": now})
    invitation.delete()
    if is_new:
        audit.record(
            actor=user,
            verb="team_joined",
            subject=member.team,
            at=now,
            event_id=_only(list(member.team.events.all())),
            user=user.email,
        )
    return member


@transaction.atomic
def remove_member(*, member: TeamMember, actor: User | None, now: datetime) -> None:
    """Audit "team_left". Anybody may leave a team. Raises CannotChangeTeam."""
    team = member.team
    organisation = locked(team.organisation)
    locked(member)
    if actor is None or actor.pk != member.user_id:
        _refuse_stranger(actor, team)
    audit.record(
        actor=actor,
        verb="team_left",
        subject=team,
        at=now,
        event_id=_only(list(team.events.all())),
        user=member.user.email,
    )
    TeamMember.objects.filter(pk=member.pk).delete()
    _refuse_nobody(organisation)


def _refuse_stranger(actor: User | None, team: Team) -> None:
    if actor is not None and not may_manage_team(actor, team):
        raise CannotChangeTeam([Problem(code="not_your_team", message=_("You may not manage this team."))])


def _refuse_grant(
    actor: User | None, organisation: Organisation, permissions: Collection[str], all_events: bool, events: list[Event]
) -> None:
    if any(event.organisation_id != organisation.pk for event in events):
        raise CannotChangeTeam(
            [
                Problem(
                    code="event_of_another_organisation",
                    field="events",
                    message=_("A team helps at events of its own organisation only."),
                )
            ]
        )
    if not all_events and not events:
        raise CannotChangeTeam(
            [
                Problem(
                    code="no_events",
                    field="events",
                    message=_("Choose the events that this team helps at."),
                    fix=_("Or let it help at all events."),
                )
            ]
        )
    if actor is None:
        return
    held = permissions_everywhere(actor, organisation)
    if not all_events:
        for number, event in enumerate(events):
            here = permissions_of(actor, event)
            held = here if number == 0 else held & here
    if problems := problems_with_granting(permissions=permissions, held=held):
        raise CannotChangeTeam(problems)


def _refuse_nobody(organisation: Organisation) -> None:
    if problems := problems_with_nobody_managing(organisation):
        raise CannotChangeTeam(problems)


def _in_order(permissions: Collection[str]) -> list[str]:
    return [name for name in Permission.values if name in permissions]


def _only(events: list[Event]) -> int | None:
    """An entry about a team of one event belongs to that event's history."""
    return events[0].pk if len(events) == 1 else None


def _send(invitation: Invitation, language: str, actor: User | None, now: datetime) -> None:
    team = invitation.team
    with override(language):
        names = [str(event.name) for event in team.events.order_by("starts_on")]
        events = gettext("all events") if team.all_events else ", ".join(names)
        organisation = str(team.organisation.name)
        inviter = str(actor) if actor else organisation
    notice = Notice(
        to=Recipient(email=invitation.email, language=language),
        about=f"invitation:{invitation.pk}",
        context={
            "inviter": inviter,
            "organisation": organisation,
            "team": team.name,
            "events": events,
            "link": settings.PUBLIC_URL + reverse("events:invitation", args=[invitation.secret]),
        },
    )
    ledger.notify(kind=TEAM_INVITATION, notice=notice, now=now)


def _withdraw(about: list[str], now: datetime) -> None:
    ledger.withdraw(about=about, kinds=[TEAM_INVITATION.code], now=now)
