from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from common.models import AuditEntry
from common.problems import Refusal
from events.models import Event, Invitation, Organisation, Permission, TeamMember
from events.services import teams
from notifications.models import Message, MessageState
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.events import NOW, join, make_event, make_member, make_team
from tests.personae import AsUser

pytestmark = pytest.mark.django_db


def codes(call: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(Refusal) as refusal:
        call(**{"now": NOW, **kwargs})
    return [problem.code for problem in refusal.value.problems]


# -- Who may give what -------------------------------------------------------------------------------------------------


def test_a_manager_of_one_event_gives_what_they_have_there_and_no_more(event: Event) -> None:
    manager = make_member(event, Permission.MANAGE_TEAMS, Permission.EDIT_PROGRAMME)
    other = make_event(organisation=event.organisation)
    wanted: dict[str, Any] = {"organisation": event.organisation, "name": "Helpers", "actor": manager}
    more = [
        {"permissions": [Permission.SEE_REGISTRATIONS], "events": [event]},
        {"permissions": [Permission.EDIT_PROGRAMME], "events": [event, other]},
        {"permissions": [Permission.EDIT_PROGRAMME], "all_events": True},
    ]
    assert [codes(teams.create_team, **wanted, **grant) for grant in more] == [["more_than_you_have"]] * 3
    made = teams.create_team(**wanted, permissions=[Permission.EDIT_PROGRAMME], events=[event], now=NOW)
    assert made.permissions == ["edit_programme"]


def test_inviting_to_a_stronger_team_is_giving_more_than_one_has(event: Event) -> None:
    manager = make_member(event, Permission.MANAGE_TEAMS)
    stronger = make_team(event.organisation, [Permission.SEE_REGISTRATIONS], events=[event])
    assert codes(teams.invite, team=stronger, email="me@example.org", actor=manager) == ["more_than_you_have"]
    everywhere = event.organisation.teams.get(name="Organizers")
    assert codes(teams.invite, team=everywhere, email="me@example.org", actor=manager) == ["not_your_team"]


def test_a_team_helps_at_events_of_its_own_organisation(event: Event, organizer: User, stranger: User) -> None:
    elsewhere = Event.objects.get(slug="elsewhere-2027")
    wanted: dict[str, Any] = {"organisation": event.organisation, "name": "x", "permissions": [], "actor": organizer}
    assert codes(teams.create_team, **wanted, events=[elsewhere]) == ["event_of_another_organisation"]
    assert codes(teams.create_team, **wanted, events=[]) == ["no_events"]


@pytest.mark.parametrize("how", ["member leaves", "team loses permission", "team loses events", "team deleted"])
def test_somebody_is_always_left_who_manages_teams(event: Event, organizer: User, how: str) -> None:
    member = organizer.memberships.get()
    team = member.team
    if how == "member leaves":
        found = codes(teams.remove_member, member=member, actor=organizer)
    elif how == "team loses permission":
        found = codes(teams.update_team, team=team, changes={"permissions": ["edit_event"]}, actor=organizer)
    elif how == "team loses events":
        found = codes(teams.update_team, team=team, changes={"all_events": False, "events": [event]}, actor=organizer)
    else:
        found = codes(teams.delete_team, team=team, actor=organizer)
    assert found == ["nobody_left"]
    team.refresh_from_db()
    assert (team.all_events, len(team.permissions), team.members.count()) == (True, len(Permission), 1)


def test_one_of_two_managers_may_leave(organizer: User, organisation: Organisation) -> None:
    member = organizer.memberships.get()
    join(member.team, make_user())
    teams.remove_member(member=member, actor=organizer, now=NOW)
    assert not organizer.memberships.exists()


def test_anybody_may_leave_a_team_and_nobody_else_may_send_them_away(
    event: Event, organizer: User, reviewer: User, attendee: User
) -> None:
    member = reviewer.memberships.get()
    assert codes(teams.remove_member, member=member, actor=attendee) == ["not_your_team"]
    teams.remove_member(member=member, actor=reviewer, now=NOW)
    assert not reviewer.memberships.exists()


# -- Invitations -------------------------------------------------------------------------------------------------------


@pytest.fixture
def invitation(event: Event, organizer: User) -> Invitation:
    team = make_team(event.organisation, [Permission.EDIT_PROGRAMME], events=[event], name="Programme committee")
    return teams.invite(team=team, email="Guest@Example.net", actor=organizer, now=NOW)


def test_an_invitation_is_mailed_once_in_the_language_of_its_reader(event: Event, organizer: User) -> None:
    make_user("guest@example.net", language="zh-hans")
    team = make_team(event.organisation, [Permission.EDIT_PROGRAMME], events=[event])
    for _ in range(2):
        invited = teams.invite(team=team, email="Guest@example.net", actor=organizer, now=NOW)
    message = Message.objects.get()
    assert (message.kind, message.recipient_email, message.language) == (
        "team_invitation",
        "Guest@example.net",
        "zh-hans",
    )
    assert message.context["events"] == "2027食品科学日"
    assert message.context["link"].endswith(f"/organize/invitations/{invited.secret}/")


def test_a_withdrawn_invitation_is_not_mailed_and_does_not_work(invitation: Invitation, organizer: User) -> None:
    teams.withdraw_invitation(invitation=invitation, actor=organizer, now=NOW)
    assert Message.objects.get().state == MessageState.CANCELLED
    assert Client().get(f"/organize/invitations/{invitation.secret}/").status_code == HTTPStatus.NOT_FOUND


def test_a_member_is_not_invited_again(event: Event, organizer: User, reviewer: User) -> None:
    team = reviewer.memberships.get().team
    assert codes(teams.invite, team=team, email="Reviewer@example.org", actor=organizer) == ["member_already"]


def test_the_owner_of_the_address_joins(invitation: Invitation, event: Event, as_user: AsUser) -> None:
    guest = make_user("guest@example.net")
    client = as_user(guest)
    url = f"/organize/invitations/{invitation.secret}/"
    page = client.get(url).content.decode()
    assert "Programme committee" in page
    assert "Join the team" in page
    assert client.post(url)["Location"] == "/organize/"
    assert [member.team for member in guest.memberships.all()] == [invitation.team]
    assert not Invitation.objects.exists()
    assert AuditEntry.objects.filter(event_id=event.pk, verb="team_joined", actor=guest).count() == 1
    assert client.post(url).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("email", ["other@example.net", "guest@example.net"])
def test_nobody_else_joins_nor_an_address_that_is_not_proved(
    invitation: Invitation, as_user: AsUser, email: str
) -> None:
    client = as_user(make_user(email, verified=False))
    url = f"/organize/invitations/{invitation.secret}/"
    assert "Join the team" not in client.get(url).content.decode()
    assert "sent to another address" in client.post(url).content.decode()
    assert TeamMember.objects.count() == 1


def test_the_link_survives_making_an_account(invitation: Invitation, client: Client, mailoutbox: list[Any]) -> None:
    url = f"/organize/invitations/{invitation.secret}/"
    assert f"/accounts/signup/?next={url}" in client.get(url).content.decode()
    assert client.post(url)["Location"] == f"/accounts/login/?next={url}"
    client.post(
        "/accounts/signup/",
        {"name": "Guest", "email": "guest@example.net", "password1": PASSWORD, "next": url},
    )
    code = mailoutbox[0].subject.partition(" ")[0]
    assert client.post("/accounts/confirm-email/", {"code": code})["Location"] == url
    assert client.post(url)["Location"] == "/organize/"


def test_an_invitation_accepted_twice_at_once_makes_one_member(invitation: Invitation) -> None:
    guest = make_user("guest@example.net")
    again = Invitation.objects.get()
    teams.accept_invitation(invitation=invitation, user=guest, now=NOW)
    teams.accept_invitation(invitation=again, user=guest, now=NOW)
    assert guest.memberships.count() == 1


# -- Pages -------------------------------------------------------------------------------------------------------------


def test_an_organizer_makes_a_team_invites_and_removes(event: Event, organizer: User, as_user: AsUser) -> None:
    client = as_user(organizer)
    base = "/organize/organisations/food-science/teams/"
    made = client.post(
        f"{base}new/?event=food-2027",
        {"name": "Helpers", "permissions": ["edit_programme"], "scope": "some", "events": [event.pk]},
    )
    team = event.teams.get(name="Helpers")
    url = f"{base}{team.pk}/"
    assert made["Location"] == url
    assert client.post(f"{url}invitations/", {"email": "a@example.net"})["Location"] == url
    page = client.get(url).content.decode()
    assert "a@example.net" in page
    client.post(f"{url}invitations/{team.invitations.get().pk}/withdraw/")
    assert not team.invitations.exists()
    member = join(team, make_user())
    client.post(f"{url}members/{member.pk}/remove/")
    assert not team.members.exists()
    assert client.post(f"{url}delete/")["Location"] == "/organize/"
    assert not event.teams.filter(name="Helpers").exists()


def test_the_last_manager_hears_why_they_cannot_leave(organizer: User, as_user: AsUser) -> None:
    member = organizer.memberships.get()
    url = f"/organize/organisations/food-science/teams/{member.team_id}/"
    page = as_user(organizer).post(f"{url}members/{member.pk}/remove/", follow=True).content.decode()
    assert "nobody could manage the teams" in page
    assert TeamMember.objects.filter(pk=member.pk).exists()


def test_a_manager_of_one_event_is_offered_what_they_may_give(event: Event, as_user: AsUser) -> None:
    make_event("other-2027", organisation=event.organisation, name="Other days")
    manager = make_member(event, Permission.MANAGE_TEAMS, Permission.EDIT_PROGRAMME)
    client = as_user(manager)
    page = client.get("/organize/organisations/food-science/teams/new/").content.decode()
    assert ("Food Science Days" in page, "Other days" in page, "Publish the schedule" in page) == (True, False, False)
    organizers = event.organisation.teams.get(name="Organizers")
    url = f"/organize/organisations/food-science/teams/{organizers.pk}/"
    assert client.get(url).status_code == HTTPStatus.FORBIDDEN
    assert client.get("/organize/food-2027/teams/").status_code == HTTPStatus.OK


def test_a_team_of_another_organisation_is_not_found(
    event: Event, stranger: User, organizer: User, as_user: AsUser
) -> None:
    theirs = make_team(event.organisation, [], events=[event])
    client = as_user(stranger)
    for slug in ("food-science", "elsewhere"):
        for rest in ("", "delete/", "invitations/"):
            url = f"/organize/organisations/{slug}/teams/{theirs.pk}/{rest}"
            assert client.post(url, {"email": "a@example.net"}).status_code == HTTPStatus.NOT_FOUND
    assert not Invitation.objects.exists()
