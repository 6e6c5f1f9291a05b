"""E-mail addresses and whose they are, as far as allauth has seen it proved."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User
from common.text import email_key


def verified_keys(user: User) -> frozenset[str]:
    """The addresses that `user` has proved to be theirs, folded by `email_key`."""
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return frozenset(email_key(address) for address in addresses)


def language_of(address: str) -> str:
    """What the owner of an account with this address reads; empty where there is none."""
    return User.objects.filter(email__iexact=address.strip()).values_list("language", flat=True).first() or ""


@transaction.atomic
def user_with_address(address: str, *, is_staff: bool = False, name: str = "") -> User:
    """The account of this address; made, without a password and with the address taken as proved, where there is none.

    For operators' commands: whoever may run them may vouch for an address. Raises ValidationError.
    """
    user = User.objects.filter(email__iexact=address.strip()).first()
    if user is None:
        user = User.objects.create_user(address.strip().lower(), None, name=name)
    if is_staff and not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    EmailAddress.objects.get_or_create(
        user=user, email=user.email.lower(), defaults={"verified": True, "primary": True}
    )
    return user
