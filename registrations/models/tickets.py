from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from common.text import validate_single_line
from registrations.models.registrations import HOLDS_A_PLACE


class QuotaQuerySet(models.QuerySet["Quota"]):
    def miscounted(self) -> QuotaQuerySet:
        """Whose counter is not what it counts, with that as `held`: none, unless something went past the services."""
        held = models.Count(
            "ticket_types__registrations", filter=Q(ticket_types__registrations__state__in=sorted(HOLDS_A_PLACE))
        )
        return self.annotate(held=held).exclude(taken=F("held"))


class Quota(models.Model):
    """A number of places. `taken` counts the registrations that hold one, and the database never lets it leave 0…size."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="quotas")
    name = models.CharField(_("name"), max_length=200, validators=[validate_single_line])
    size = models.PositiveIntegerField(_("places"))
    taken = models.PositiveIntegerField(default=0, editable=False)

    objects = QuotaQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(taken__lte=F("size")),
                name="registrations_quota_never_oversold",
                violation_error_message=_("More places are taken than that."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def available(self) -> int:
        return self.size - self.taken


class TicketTypeQuerySet(models.QuerySet["TicketType"]):
    def in_order(self) -> TicketTypeQuerySet:
        return self.order_by("position", "pk")

    def on_sale(self, now: datetime) -> TicketTypeQuerySet:
        return self.filter(Q(available_from=None) | Q(available_from__lte=now)).filter(
            Q(available_until=None) | Q(available_until__gt=now)
        )


class TicketType(models.Model):
    """A way to take part, such as `Regular`, `Student`, `Online`. Takes one place of each of its quotas."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="ticket_types")
    name = I18nCharField(_("name"), max_length=200)
    description = I18nTextField(_("description"), blank=True)
    price = models.DecimalField(
        _("price"), max_digits=10, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    quotas = models.ManyToManyField(Quota, related_name="ticket_types", verbose_name=_("quotas"))
    waiting_list = models.BooleanField(_("waiting list when full"), default=False)
    requires_approval = models.BooleanField(_("the organizer decides on each registration"), default=False)
    available_from = models.DateTimeField(_("opens"), null=True, blank=True)
    available_until = models.DateTimeField(_("closes"), null=True, blank=True)
    position = models.PositiveIntegerField(default=0)

    objects = TicketTypeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(available_from=None) | Q(available_until=None) | Q(available_until__gt=F("available_from")),
                name="registrations_tickettype_closes_after_it_opens",
                violation_error_message=_("It closes before it opens."),
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="registrations_tickettype_price_not_negative"),
        ]

    def __str__(self) -> str:
        return str(self.name)
