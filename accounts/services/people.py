"""Who somebody is across events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Person, User
from accounts.names import has_part
from accounts.services.addresses import verified_keys
from common import audit
from common.problems import Invalid, Problem, refusal_from
from common.text import email_key

USER_FIELDS = frozenset({"name", "language", "time_zone"})


def find_or_create_person(*, email: str, name: str, **fields: Any) -> Person:
    """The person of this address; a new one gets `name` and `fields`. Somebody known stays as they are: whoever types an
    address need not be its owner. Two calls at once find the same row."""
    key = email_key(email)
    if known := Person.objects.filter(email_key=key).first():
        return known
    person = Person(email_key=key, email=email.strip(), name=name, **fields)
    # Nothing of a row that came in meanwhile is changed; it is written only so that its key comes back.
    Person.objects.bulk_create(
        [person], update_conflicts=True, unique_fields=["email_key"], update_fields=["email_key"]
    )
    return person


@transaction.atomic
def link_person(*, user: User) -> Person | None:
    """Tie the account to the person known by one of its verified addresses, once: what was registered before the account
    existed is theirs then."""
    if person := Person.objects.filter(user=user).first():
        return person
    person = (
        Person.objects.select_for_update().filter(email_key__in=verified_keys(user), user=None).order_by("pk").first()
    )
    if person is not None:
        person.user = user
        person.save(update_fields=["user"])
    return person


@transaction.atomic
def save_profile(*, user: User, changes: Mapping[str, Any], now: datetime) -> User:
    """What somebody says about themselves: fields of the account (name, language, time_zone) and of the person.

    Audit "profile_changed" with the names of the fields. Raises Invalid.
    """
    stored = User.objects.select_for_update().get(pk=user.pk)
    person = link_person(user=stored) or Person(user=stored, email="", name=stored.name or stored.email)
    changed = set()
    for name, value in changes.items():
        for thing in (stored, person):
            mine = name in USER_FIELDS if thing is stored else name == "name" or name not in USER_FIELDS
            if mine and getattr(thing, name) != value:
                setattr(thing, name, value)
                changed.add(name)
    if not changed:
        return user
    if person.family_name and not has_part(person.name, person.family_name):
        raise Invalid([family_name_elsewhere()])
    key = email_key(stored.email)
    if not person.email and key in verified_keys(stored) and not Person.objects.with_address(key).exists():
        person.email = stored.email
    try:
        stored.full_clean(exclude=["password"])
        person.full_clean()
    except ValidationError as error:
        raise refusal_from(error) from error
    stored.save(update_fields=sorted(USER_FIELDS))
    person.save()
    audit.record(actor=user, verb="profile_changed", subject=stored, at=now, fields=sorted(changed))
    for name in USER_FIELDS:
        setattr(user, name, getattr(stored, name))
    return user


def family_name_elsewhere() -> Problem:
    return Problem(
        code="family_name_elsewhere",
        field="family_name",
        message=_("This is no part of the name above."),
        fix=_("Write it just as it stands in your name above."),
    )


@transaction.atomic
def remember_language(*, user: User, language: str) -> None:
    if user.language != language:
        user.language = language
        user.save(update_fields=["language"])
