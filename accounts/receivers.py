"""allauth tells by signals; each becomes one call of a service."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import email_confirmed
from django.dispatch import receiver

from accounts.services.people import link_person


@receiver(email_confirmed)
def _address_is_theirs(email_address: Any, **_kwargs: Any) -> None:
    link_person(user=email_address.user)
