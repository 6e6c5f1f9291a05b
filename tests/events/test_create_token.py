from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from knox.auth import TokenAuthentication

from accounts.models import User
from events.models import Event, Organisation, Permission
from events.policies import permissions_of

pytestmark = pytest.mark.django_db


def create_token(*arguments: str) -> str:
    out = StringIO()
    call_command("create_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_token_stands_alone_and_works() -> None:
    printed = create_token("Ada@Example.org")
    token = printed.strip()
    assert printed == f"{token}\n"
    user, _row = TokenAuthentication().authenticate_credentials(token.encode())
    assert (user, user.is_staff) == (User.objects.get(email="ada@example.org"), False)


def test_repeating_it_makes_another_token_for_the_same_user() -> None:
    tokens = {
        create_token("ada@example.org", "--organisation", "food-science"),
        create_token("Ada@example.org", "--staff"),
    }
    assert len(tokens) == 2
    user = User.objects.get()
    assert user.is_staff
    assert user.memberships.count() == 1


def test_an_organisation_is_made_where_there_is_none(event: Event) -> None:
    create_token("ada@example.org", "--organisation", "food-science")
    create_token("ada@example.org", "--organisation", "new-one")
    assert permissions_of(User.objects.get(), event) == frozenset(Permission)
    assert set(Organisation.objects.values_list("slug", flat=True)) == {"food-science", "new-one"}


@pytest.mark.parametrize("arguments", [["no address"], ["ada@example.org", "--organisation", "not a slug"]])
def test_nonsense_is_refused_in_one_line_and_makes_nothing(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as error:
        create_token(*arguments)
    assert "\n" not in str(error.value)
    assert not User.objects.exists()
    assert not Organisation.objects.exists()
