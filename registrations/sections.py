"""What other pages show of registrations: somebody's own, an event's numbers, and its history in words."""

from __future__ import annotations

from typing import Final

from django.db.models import Sum
from django.http import HttpRequest  # noqa: TID251 (named in types only)
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.hooks import MeRow, MeSection
from accounts.models import User
from accounts.services.addresses import verified_keys
from common import dates
from events.hooks import DashboardSection
from events.models import Event, Permission
from registrations.models import Quota, Registration, RegistrationState

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


#: For the history of an event (`events.verbs`).
SENTENCES: Final[dict[str, str | Promise]] = {
    "segment_saved": gettext_lazy("saved the segment %(subject)s"),
    "segment_deleted": gettext_lazy("deleted the segment %(subject)s"),
    "registered": gettext_lazy("registered: %(subject)s"),
    "registration_changed": gettext_lazy("changed the registration %(subject)s"),
    "registration_moved": gettext_lazy("gave another ticket to %(subject)s"),
    "registration_cancelled": gettext_lazy("cancelled the registration %(subject)s"),
    "agenda_followed": gettext_lazy("wants to be reminded of starred sessions: %(subject)s"),
    "agenda_left": gettext_lazy("does not want to be reminded of starred sessions any more: %(subject)s"),
    "registration_approved": gettext_lazy("approved the registration %(subject)s"),
    "registration_rejected": gettext_lazy("rejected the registration %(subject)s"),
    "registration_erased": gettext_lazy("erased the data of %(subject)s"),
    "place_given": gettext_lazy("gave a place that became free to %(subject)s"),
    "place_offered": gettext_lazy("offered a place that became free to %(subject)s"),
    "offer_accepted": gettext_lazy("accepted the offer: %(subject)s"),
    "offer_declined": gettext_lazy("declined the offer: %(subject)s"),
    "offer_expired": gettext_lazy("ended the offer to %(subject)s, which was not accepted in time"),
    "product_given": gettext_lazy("gave a product that became free to %(subject)s"),
    "product_offered": gettext_lazy("offered a product that became free to %(subject)s"),
    "product_offer_expired": gettext_lazy(
        "ended the offer of a product to %(subject)s, which was not accepted in time"
    ),
    "products_changed": gettext_lazy("changed the products of %(subject)s"),
    "payment_recorded": gettext_lazy("wrote down a payment of %(subject)s"),
    "refund_recorded": gettext_lazy("wrote down a refund to %(subject)s"),
    "waiver_recorded": gettext_lazy("waived a payment of %(subject)s"),
    "payment_expired": gettext_lazy("took back the place of %(subject)s, which was not paid in time"),
    "product_created": gettext_lazy("added the product %(subject)s"),
    "product_changed": gettext_lazy("changed the product %(subject)s"),
    "product_deleted": gettext_lazy("deleted the product %(subject)s"),
    "quota_created": gettext_lazy("added the quota %(subject)s"),
    "quota_changed": gettext_lazy("changed the quota %(subject)s"),
    "quota_deleted": gettext_lazy("deleted the quota %(subject)s"),
    "ticket_type_created": gettext_lazy("added the ticket %(subject)s"),
    "ticket_type_changed": gettext_lazy("changed the ticket %(subject)s"),
    "ticket_type_deleted": gettext_lazy("deleted the ticket %(subject)s"),
    "question_created": gettext_lazy("added the question %(subject)s"),
    "question_changed": gettext_lazy("changed the question %(subject)s"),
    "question_deleted": gettext_lazy("took away the question %(subject)s"),
    "question_restored": gettext_lazy("asks the question %(subject)s again"),
    "questions_arranged": gettext_lazy("put the questions in another order"),
    "question_section_created": gettext_lazy("added the section %(subject)s"),
    "question_section_changed": gettext_lazy("changed the section %(subject)s"),
    "question_section_deleted": gettext_lazy("took away the section %(subject)s"),
}


def dashboard(event: Event) -> DashboardSection:
    """Three queries."""
    states = Registration.objects.filter(event=event).by_state()
    places = Quota.objects.filter(event=event).aggregate(size=Sum("size"))["size"] or 0
    has_ticket = event.ticket_types.exists()
    confirmed, waiting = states.get(RegistrationState.CONFIRMED, 0), states.get(RegistrationState.WAITING, 0)
    pending = states.get(RegistrationState.PENDING, 0)
    listed = reverse("registrations:registrations", args=[event.slug])
    section: DashboardSection = {
        "steps": [
            {
                "label": _("Open registration"),
                "done": has_ticket,
                "url": reverse("registrations:tickets", args=[event.slug]),
                "permission": Permission.MANAGE_REGISTRATIONS,
                "help": _("Say how many places there are, and make a ticket."),
            }
        ],
        "numbers": [
            {
                "label": _("Confirmed"),
                "value": confirmed,
                "url": f"{listed}?state=confirmed",
                "permission": Permission.SEE_REGISTRATIONS,
                "note": _("of %(places)s places") % {"places": places},
            },
            {
                "label": _("Waiting"),
                "value": waiting,
                "url": f"{listed}?state=waiting",
                "permission": Permission.SEE_REGISTRATIONS,
            },
        ],
    }
    if pending:
        section["numbers"].append(
            {
                "label": _("To decide"),
                "value": pending,
                "url": f"{listed}?state=pending",
                "permission": Permission.MANAGE_REGISTRATIONS,
            }
        )
    return section
