"""Who may do what at which event: one place for pages, API, mails and templates.

Three questions, one answer each: may this user (`may`), where may this user (`Event.objects.where`), and which users may
(`users_who_may`). A stranger is told nothing: interfaces look events up through `where` and answer 404.
"""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from accounts.models import User
from events.models import Event, Organisation, Permission, Team

Someone = User | AnonymousUser


def permissions_of(user: Someone | None, event: Event) -> frozenset[Permission]:
    """All that `user` may do at `event`, in one query."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_staff:
        return frozenset(Permission)
    teams = Team.objects.filter(
        Q(all_events=True, organisation=event.organisation_id) | Q(events=event), members__user=user
    )
    return frozenset(Permission(name) for names in teams.values_list("permissions", flat=True) for name in names)


def may(user: Someone | None, permission: Permission, event: Event) -> bool:
    return permission in permissions_of(user, event)


def may_create_events(user: Someone, organisation: Organisation) -> bool:
    return isinstance(user, User) and Organisation.objects.organized_by(user).filter(pk=organisation.pk).exists()


def users_who_may(permission: Permission, event: Event) -> QuerySet[User]:
    """Members of the event's teams. The campus office (staff) may too, but is not everybody's addressee."""
    teams = Team.objects.filter(
        Q(all_events=True, organisation=event.organisation_id) | Q(events=event), permissions__contains=[permission]
    )
    return User.objects.filter(is_active=True, memberships__team__in=teams).distinct()


def permissions_everywhere(user: Someone, organisation: Organisation) -> frozenset[Permission]:
    """What `user` may do at every event of the organisation, those to come included."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_staff:
        return frozenset(Permission)
    teams = Team.objects.filter(all_events=True, organisation=organisation, members__user=user)
    return frozenset(Permission(name) for names in teams.values_list("permissions", flat=True) for name in names)


def may_manage_team(user: Someone, team: Team) -> bool:
    """One who manages teams everywhere manages each team; one who does at some events, the teams of those events alone."""
    if Permission.MANAGE_TEAMS in permissions_everywhere(user, team.organisation):
        return True
    if team.all_events:
        return False
    events = list(team.events.all())
    return bool(events) and all(may(user, Permission.MANAGE_TEAMS, event) for event in events)


def visible_ids(user: Someone | None, ids: Collection[int]) -> set[int]:
    """Which of these events `user` may know of: the public ones, and those of their teams."""
    seen = set(Event.objects.public().filter(pk__in=ids).values_list("pk", flat=True))
    if isinstance(user, User):
        seen |= set(Event.objects.where(user).filter(pk__in=ids).values_list("pk", flat=True))
    return seen
