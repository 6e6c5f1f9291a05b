from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from common.text import validate_single_line
from common.triggers import Revises
from events.models import Event
from registrations.models.registrations import HOLDS_A_PLACE, IS_KEPT, LineItem, LineState, Registration


class QuotaQuerySet(models.QuerySet["Quota"]):
    def with_held(self) -> QuotaQuerySet:
        """With what `taken` must be, as `by_tickets` and `by_products`."""
        tickets = Registration.objects.filter(ticket_type__quotas=OuterRef("pk"), state__in=sorted(HOLDS_A_PLACE))
        products = LineItem.objects.filter(product__quotas=OuterRef("pk"), state__in=sorted(IS_KEPT))
        return self.annotate(
            by_tickets=_total(tickets, models.Count("pk")), by_products=_total(products, models.Sum("quantity"))
        )

    def miscounted(self) -> QuotaQuerySet:
        """Whose counter is not what it counts, with that as `held`: none, unless something went past the services."""
        return self.with_held().annotate(held=F("by_tickets") + F("by_products")).exclude(taken=F("held"))


def _total(rows: models.QuerySet[Any], total: models.Aggregate) -> Coalesce:
    grouped = rows.order_by().annotate(_one=models.Value(1)).values("_one").annotate(_total=total).values("_total")
    return Coalesce(Subquery(grouped, output_field=models.IntegerField()), 0)


class Quota(models.Model):
    """A number of places. `taken` counts the tickets and products that hold one, and the database never lets it leave
    0…size."""

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


class OnSaleQuerySet(models.QuerySet[Any]):
    def in_order(self) -> Any:
        return self.order_by("position", "pk")

    def on_sale(self, now: datetime) -> Any:
        return self.filter(Q(available_from=None) | Q(available_from__lte=now)).filter(
            Q(available_until=None) | Q(available_until__gt=now)
        )


class OnSale(models.Model):
    """What somebody can have: it has a price, counts in quotas, and is there for a time."""

    name = I18nCharField(_("name"), max_length=200)
    description = I18nTextField(_("description"), blank=True)
    # In the event's currency.
    price = models.DecimalField(
        _("price"),
        max_digits=10,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(0)],
    )
    waiting_list = models.BooleanField(_("waiting list when full"), default=False)
    # None: a place that becomes free is given at once. Otherwise it is kept for so long for the next in line to accept.
    offer_hours = models.PositiveSmallIntegerField(
        _("hours to accept a place"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 30)],
    )
    available_from = models.DateTimeField(_("opens"), null=True, blank=True)
    available_until = models.DateTimeField(_("closes"), null=True, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(available_from=None) | Q(available_until=None) | Q(available_until__gt=F("available_from")),
                name="%(app_label)s_%(class)s_closes_after_it_opens",
                violation_error_message=_("It closes before it opens."),
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="%(app_label)s_%(class)s_price_not_negative"),
        ]

    def __str__(self) -> str:
        return str(self.name)

    def offer_ends(self, event: Event, now: datetime) -> datetime | None:
        """Until when a place that becomes free now is kept for the next in line; None where it is given at once. Never longer
        than until it closes or the event begins; who gets a place after that has no time to lose."""
        if self.offer_hours is None or now >= event.starts_at:
            return None
        ends = [now + timedelta(hours=self.offer_hours), event.starts_at]
        if self.available_until and self.available_until > now:
            ends.append(self.available_until)
        return min(ends)


class TicketType(OnSale):
    """A way to take part, such as `Regular`, `Student`, `Online`. Takes one place of each of its quotas."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="ticket_types")
    quotas = models.ManyToManyField(Quota, related_name="ticket_types", verbose_name=_("quotas"))
    requires_approval = models.BooleanField(_("the organizer decides on each registration"), default=False)
    # From getting the place until what it costs, products included, must be there.
    payment_days = models.PositiveSmallIntegerField(
        _("days to pay"), default=14, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )

    objects = OnSaleQuerySet.as_manager()

    class Meta(OnSale.Meta):
        constraints = [
            *OnSale.Meta.constraints,
            Revises(name="registrations_tickettype_revises"),
            Revises(
                name="registrations_tickettype_quotas_revises",
                events="SELECT event_id FROM registrations_tickettype WHERE id = ($1).tickettype_id",
                field="quotas",
            ),
        ]

    def payment_ends(self, event: Event, now: datetime) -> datetime:
        """Until when who gets a place now must have paid: not after the event."""
        return max(now, min(now + timedelta(days=self.payment_days), event.ends_at))


class Product(OnSale):
    """Something beside the ticket, such as a workshop or the dinner. Takes as many places of each of its quotas as somebody
    has of it."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="products")
    quotas = models.ManyToManyField(Quota, related_name="products", verbose_name=_("quotas"))
    max_per_registration = models.PositiveSmallIntegerField(
        _("at most, for each person"), default=1, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    # None named: with any.
    ticket_types = models.ManyToManyField(
        TicketType, related_name="products", verbose_name=_("only with these tickets"), blank=True
    )

    objects = OnSaleQuerySet.as_manager()

    class Meta(OnSale.Meta):
        constraints = [
            *OnSale.Meta.constraints,
            Revises(name="registrations_product_revises"),
            *(
                Revises(
                    name=f"registrations_product_{field}_revises",
                    events="SELECT event_id FROM registrations_product WHERE id = ($1).product_id",
                    field=field,
                )
                for field in ("quotas", "ticket_types")
            ),
        ]

    def asked_by(self, registration: Registration, quantity: int, now: datetime) -> LineItem:
        """A line as it is before anybody has looked whether there are so many; not saved."""
        return LineItem(
            registration=registration,
            product=self,
            quantity=quantity,
            unit_price=self.price,
            state=LineState.WAITING,
            asked_at=now,
            state_changed_at=now,
        )
