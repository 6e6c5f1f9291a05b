"""The people whom tests send to pages, and the event that they have to do with. Loaded as a pytest plug-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from events.models import Event, Organisation, Permission
from tests.factories.accounts import make_user
from tests.factories.events import join, make_event, make_member, make_organisation

AsUser = Callable[[User | None], Client]


@pytest.fixture
def organisation(db: None) -> Organisation:
    return make_organisation("food-science", name={"en": "School of Food Science", "zh-hans": "食品学院"})


@pytest.fixture
def event(organisation: Organisation) -> Event:
    """A public conference of three days in June 2027, in English and Chinese, in Wuxi."""
    return make_event(
        "food-2027",
        organisation=organisation,
        name={"en": "Food Science Days 2027", "zh-hans": "2027食品科学日"},
    )


@pytest.fixture
def organizer(organisation: Organisation) -> User:
    """May do everything at every event of the organisation."""
    user = make_user("organizer@example.org", name="Lin Wei")
    team = organisation.teams.get(all_events=True)
    join(team, user)
    return user


@pytest.fixture
def reviewer(event: Event) -> User:
    """On a team of the event that may edit its programme, and nothing else."""
    return make_member(event, Permission.EDIT_PROGRAMME, email="reviewer@example.org", name="Amara Okafor")


@pytest.fixture
def attendee(db: None) -> User:
    """Has an account, and is on no team."""
    return make_user("attendee@example.org", name="María José Núñez")


@pytest.fixture
def stranger(db: None) -> User:
    """A full organizer of another organisation: nothing of the event is theirs."""
    user = make_user("stranger@example.org", name="Sasha Petrov")
    make_event("elsewhere-2027", organisation=make_organisation("elsewhere", actor=user))
    return user


@pytest.fixture
def staff(db: None) -> User:
    """The campus office."""
    return make_user("office@example.org", name="Campus Office", is_staff=True)


@pytest.fixture
def as_user() -> AsUser:
    """`as_user(organizer)` is a browser in which they are signed in; `as_user(None)` one in which nobody is."""

    def sign_in(user: User | None) -> Client:
        client = Client(headers={"accept-language": "en"})
        if user is not None:
            client.force_login(user)
        return client

    return sign_in
