"""People. Plain rows: nothing about them has a life cycle that a test of something else would want."""

from __future__ import annotations

import itertools
from typing import Any

from allauth.account.models import EmailAddress

from accounts.models import Person, User

_numbers = itertools.count(1)

#: Of every user that a test makes.
PASSWORD = "lake-side-2027"


def make_user(email: str = "", *, name: str = "", password: str = "", verified: bool = True, **fields: Any) -> User:
    """Without `password` none works, and no time goes into hashing one."""
    number = next(_numbers)
    user = User.objects.create_user(
        email or f"person{number}@example.org", password or None, name=name or f"Person {number}", **fields
    )
    EmailAddress.objects.create(user=user, email=user.email.lower(), verified=verified, primary=True)
    return user


def make_person(name: str = "", *, email: str = "", user: User | None = None, **fields: Any) -> Person:
    person = Person(name=name or f"Person {next(_numbers)}", email=email, user=user, **fields)
    person.full_clean()
    person.save()
    return person
