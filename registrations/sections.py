"""What other pages show of registrations: somebody's own."""

from __future__ import annotations

from django.http import HttpRequest  # noqa: TID251 (named in types only)
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.hooks import MeRow, MeSection
from accounts.models import User
from accounts.services.addresses import verified_keys
from common import dates
from registrations.models import Registration, RegistrationState

TONES = {RegistrationState.CONFIRMED: "ok", RegistrationState.WAITING: "wait", RegistrationState.PENDING: "wait"}


def my_registrations(user: User, _request: HttpRequest) -> MeSection:
    """By the addresses that the user has proved; two queries."""
    found = (
        Registration.objects.filter(email_key__in=verified_keys(user))
        .select_related("event__venue", "ticket_type")
        .order_by("-event__starts_on", "-registered_at")
    )
    return MeSection(
        title=_("My registrations"),
        rows=[_row(registration) for registration in found[:50]],
        empty=_("You have not registered for anything yet."),
        action_label=_("See the events"),
        action_url=reverse("events:front"),
    )


def _row(registration: Registration) -> MeRow:
    event = registration.event
    facts = [dates.day_range(event.starts_on, event.ends_on), str(registration.ticket_type.name)]
    return MeRow(
        title=str(event.name),
        url=registration.get_absolute_url(),
        detail=" · ".join(facts),
        badge=capfirst(str(registration.get_state_display())),
        tone=TONES.get(RegistrationState(registration.state), "stop"),
    )
