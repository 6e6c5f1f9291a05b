from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from events.models import Event, Organisation, Permission
from events.policies import (
    may,
    may_create_events,
    may_manage_team,
    permissions_everywhere,
    permissions_of,
    users_who_may,
    visible_ids,
)
from tests.factories.events import join, make_event, make_member, make_team

pytestmark = pytest.mark.django_db

ALL = frozenset(Permission)


def who(request: pytest.FixtureRequest, name: str) -> User | AnonymousUser:
    return AnonymousUser() if name == "anonymous" else request.getfixturevalue(name)


PERSONAE = {
    "anonymous": frozenset(),
    "attendee": frozenset(),
    "stranger": frozenset(),
    "reviewer": frozenset({Permission.EDIT_PROGRAMME}),
    "organizer": ALL,
    "staff": ALL,
}


@pytest.mark.parametrize(("name", "allowed"), PERSONAE.items())
def test_each_persona_may_do_exactly_this(
    request: pytest.FixtureRequest, event: Event, name: str, allowed: frozenset[Permission]
) -> None:
    user = who(request, name)
    assert permissions_of(user, event) == allowed
    assert {permission for permission in Permission if may(user, permission, event)} == allowed


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("name", PERSONAE)
def test_the_three_questions_agree(
    request: pytest.FixtureRequest, event: Event, name: str, permission: Permission
) -> None:
    """May this user, where may this user, and which users may: staff may too, but is nobody's addressee."""
    user = who(request, name)
    allowed = permission in PERSONAE[name]
    assert may(user, permission, event) is allowed
    assert (event in Event.objects.where(user, permission)) is allowed  # type: ignore[arg-type]
    assert (user in users_who_may(permission, event)) is (allowed and name != "staff")


def test_a_team_of_one_event_gives_nothing_at_the_next(event: Event, reviewer: User) -> None:
    next_year = make_event(organisation=event.organisation)
    assert permissions_of(reviewer, next_year) == frozenset()
    assert list(Event.objects.where(reviewer)) == [event]


def test_a_team_of_all_events_helps_at_events_to_come(organisation: Organisation, organizer: User) -> None:
    assert permissions_of(organizer, make_event(organisation=organisation)) == ALL


def test_permissions_of_several_teams_add_up_and_events_are_told_once(event: Event, reviewer: User) -> None:
    join(make_team(event.organisation, [Permission.SEND_MESSAGES], events=[event]), reviewer)
    assert permissions_of(reviewer, event) == {Permission.EDIT_PROGRAMME, Permission.SEND_MESSAGES}
    assert list(Event.objects.where(reviewer)) == [event]


def test_a_team_without_permissions_is_a_team_of_strangers(event: Event) -> None:
    member = make_member(event)
    assert permissions_of(member, event) == frozenset()
    assert not Event.objects.where(member).exists()


def test_an_account_that_was_closed_may_nothing(event: Event, organizer: User) -> None:
    organizer.is_active = False
    organizer.save()
    assert permissions_of(organizer, event) == frozenset()
    assert not users_who_may(Permission.EDIT_EVENT, event).exists()


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("organizer", True), ("staff", True), ("reviewer", False), ("stranger", False), ("attendee", False)],
)
def test_who_may_create_events_and_manage_teams(
    request: pytest.FixtureRequest, event: Event, organisation: Organisation, name: str, allowed: bool
) -> None:
    user = who(request, name)
    team = organisation.teams.get(all_events=True)
    assert may_create_events(user, organisation) is allowed
    assert may_manage_team(user, team) is allowed
    assert bool(permissions_everywhere(user, organisation)) is allowed


def test_one_who_manages_teams_at_one_event_manages_teams_of_that_event_alone(event: Event) -> None:
    manager = make_member(event, Permission.MANAGE_TEAMS)
    other = make_event(organisation=event.organisation)
    here = make_team(event.organisation, [], events=[event])
    both = make_team(event.organisation, [], events=[event, other])
    everywhere = make_team(event.organisation, [])
    assert [may_manage_team(manager, team) for team in (here, both, everywhere)] == [True, False, False]


def test_drafts_of_others_are_not_known(event: Event, stranger: User, organizer: User) -> None:
    draft = make_event(organisation=event.organisation, state="draft")
    ids = {event.pk, draft.pk}
    assert visible_ids(None, ids) == {event.pk}
    assert visible_ids(stranger, ids) == {event.pk}
    assert visible_ids(organizer, ids) == ids
