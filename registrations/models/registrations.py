from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from accounts.names import has_part
from common.codes import new_code, new_secret, validate_code
from common.text import email_key, search_key, search_text, validate_single_line
from registrations.models.answers import Answer
from registrations.models.questions import QuestionKind


class RegistrationState(models.TextChoices):
    PENDING = "pending", _("waiting for approval")
    AWAITING_PAYMENT = "awaiting_payment", _("waiting for payment")
    CONFIRMED = "confirmed", _("confirmed")
    WAITING = "waiting", _("on the waiting list")
    OFFERED = "offered", _("offered a place")
    CANCELLED = "cancelled", _("cancelled")
    REJECTED = "rejected", _("rejected")
    EXPIRED = "expired", _("expired")


_S = RegistrationState
#: These count in `Quota.taken`.
HOLDS_A_PLACE: Final = frozenset({_S.PENDING, _S.AWAITING_PAYMENT, _S.CONFIRMED, _S.OFFERED})
#: One of these per person and event.
IS_LIVE: Final = HOLDS_A_PLACE | {_S.WAITING}
#: These have accepted and been let in: what they have is charged.
IS_CHARGED: Final = frozenset({_S.AWAITING_PAYMENT, _S.CONFIRMED})
#: These have their place, and so their products are served in their own turn.
HAS_ITS_PLACE: Final = IS_CHARGED | {_S.PENDING}


class LineState(models.TextChoices):
    HELD = "held", _("yours")
    WAITING = "waiting", _("on the waiting list")
    OFFERED = "offered", _("offered")
    CANCELLED = "cancelled", _("given back")
    EXPIRED = "expired", _("expired")


#: These count in `Quota.taken`.
IS_KEPT: Final = frozenset({LineState.HELD, LineState.OFFERED})
#: One of these per registration and product.
IS_WANTED: Final = IS_KEPT | {LineState.WAITING}


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def live(self) -> RegistrationQuerySet:
        return self.filter(state__in=IS_LIVE)

    def holding_a_place(self) -> RegistrationQuerySet:
        return self.filter(state__in=HOLDS_A_PLACE)

    def in_line(self) -> RegistrationQuerySet:
        """Those who wait, first come first: by the instant they asked, then by row."""
        return self.filter(state=RegistrationState.WAITING).order_by("registered_at", "pk")

    def overdue(self, now: datetime) -> RegistrationQuerySet:
        """Whose offer ran out, or who should have paid by now."""
        return self.filter(
            Q(state=RegistrationState.OFFERED, offer_expires_at__lte=now)
            | Q(state=RegistrationState.AWAITING_PAYMENT, payment_due_at__lte=now)
        )

    def of_addresses(self, addresses: Collection[str]) -> RegistrationQuerySet:
        return self.filter(email_key__in=[email_key(address) for address in addresses])

    def matching(self, words: str) -> RegistrationQuerySet:
        """Every word occurs in the name (any script, accents and case aside), address, affiliation or code."""
        found = self
        for word in search_key(words).split():
            found = found.filter(search_text__contains=word)
        return found

    def answering(self, identifier: str, values: Collection[str]) -> RegistrationQuerySet:
        """Those who gave one of these answers; `true` and `false` for yes and no, one of several counts."""
        given = Q()
        for value in values:
            given |= Q(value=value) | Q(value__contains=[value])
            if value in {"true", "false"}:
                given |= Q(value=value == "true")
        answers = Answer.objects.filter(given, question__identifier=identifier)
        return self.filter(pk__in=answers.values("registration"))

    def wanting(self, products: Collection[int]) -> RegistrationQuerySet:
        """Those who have, or wait for, one of these products."""
        return self.filter(pk__in=LineItem.objects.wanted().filter(product__in=products).values("registration"))

    def by_state(self) -> dict[str, int]:
        """How many are in each state that somebody is in."""
        counted = self.order_by("state").values_list("state").annotate(models.Count("pk"))
        return dict(counted)

    def countries(self) -> list[str]:
        """The codes of the countries that people come from, in order of the alphabet."""
        return list(self.order_by("country").values_list("country", flat=True).distinct())

    def with_details(self) -> RegistrationQuerySet:
        return self.select_related("ticket_type", "institution").prefetch_related(
            models.Prefetch("answers", Answer.objects.select_related("question__section", "version")),
            "files",
            models.Prefetch("lines", LineItem.objects.wanted().in_order()),
        )


class _Details(dict[str, "models.QuerySet[Any]"]):
    """What Django's own prefetching fills, for rows that are at hand; made where somebody asks for it, which takes longer than one
    would think."""

    def __init__(self, owner: Registration, rows: dict[str, Sequence[models.Model]]) -> None:
        super().__init__()
        self._owner, self._rows = owner, rows

    def __missing__(self, name: str) -> models.QuerySet[Any]:
        # KeyError: to be read.
        rows = self._rows.pop(name)
        queryset: models.QuerySet[Any] = getattr(self._owner, name).all()
        queryset._result_cache = list(rows)  # noqa: SLF001 (where Django, too, keeps rows that were prefetched)
        self[name] = queryset
        return queryset

    def pop(self, name: str, *default: Any) -> Any:
        """They have changed."""
        self._rows.pop(name, None)
        return super().pop(name, *default)


class RegistrationGroupQuerySet(models.QuerySet["RegistrationGroup"]):
    def of_token(self, token: str) -> RegistrationGroupQuerySet:
        """The one whose `token` it is, or none."""
        try:
            return self.filter(pk=_group_signer().unsign(token))
        except BadSignature:
            return self.none()


def _group_signer() -> Signer:
    # Its separator needs no escape in an address.
    return Signer(salt="registrations.group", sep=".")


class RegistrationGroup(models.Model):
    """People whom one request registered: they get places all together, or wait together."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="registration_groups")
    registered_at = models.DateTimeField()

    objects = RegistrationGroupQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def token(self) -> str:
        """Opens the page of the group, which has nobody's secret; as long as the server keeps its key."""
        return _group_signer().sign(str(self.pk))


@lru_cache(maxsize=256)
def _address(slug: str, code: str, secret: str) -> str:
    """Asked for several times when somebody registers: for the mail, its calendar part, and where they go next."""
    return reverse("registrations:registration", args=[slug, code, secret])


class Registration(models.Model):
    """One person's wish to take part in one event, and what became of it. `code` and `secret` together open it."""

    # Other indexes begin with it.
    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="registrations", db_index=False)
    ticket_type = models.ForeignKey("registrations.TicketType", on_delete=models.PROTECT, related_name="registrations")
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT, related_name="registrations")
    code = models.CharField(max_length=6, default=new_code, validators=[validate_code], editable=False)
    secret = models.CharField(max_length=40, default=new_secret, editable=False)
    state = models.CharField(max_length=20, choices=RegistrationState)
    # As typed here; the person's other events are not touched by it.
    name = models.CharField(_("name"), max_length=200, validators=[validate_single_line])
    native_name = models.CharField(
        _("name in its own script"), max_length=200, blank=True, validators=[validate_single_line]
    )
    # Which part of the name is inherited; empty: not said, or there is one name only.
    family_name = models.CharField(_("family name"), max_length=200, blank=True, validators=[validate_single_line])
    email = models.EmailField(_("e-mail address"), max_length=254)
    email_key = models.CharField(max_length=254, editable=False)
    language = models.CharField(_("language of mails"), max_length=10)
    affiliation = models.CharField(
        _("university or organisation"), max_length=300, blank=True, validators=[validate_single_line]
    )
    # The one of the list that was chosen, where one was; `affiliation` is what was written.
    institution = models.ForeignKey(
        "accounts.Institution", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    country = CountryField(_("country"), blank=True)
    # What the ticket cost when it was chosen, whatever it costs now.
    ticket_price = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    # The ticket's price and those of the products that are theirs.
    amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    currency = models.CharField(max_length=3)
    group = models.ForeignKey(
        RegistrationGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="registrations"
    )
    # The place is kept until then; it goes to the next in line unless it is accepted.
    offer_expires_at = models.DateTimeField(null=True, blank=True)
    # The place is kept until then; it goes to the next in line unless it is paid.
    payment_due_at = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField()
    state_changed_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    # When the person was taken out of the row, which is then only counted.
    erased_at = models.DateTimeField(null=True, blank=True)
    # Rises with each change that its owner is told of: message revisions and calendar SEQUENCE.
    revision = models.PositiveIntegerField(default=0)
    search_text = models.TextField(editable=False, default="")

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "code"], name="registrations_registration_code_once_per_event"),
            models.UniqueConstraint(
                fields=["event", "email_key"],
                condition=Q(state__in=sorted(IS_LIVE)),
                name="registrations_registration_one_live_per_person",
                violation_error_message=_("This address is registered already."),
            ),
            models.CheckConstraint(
                condition=Q(state="offered", offer_expires_at__isnull=False)
                | (~Q(state="offered") & Q(offer_expires_at=None)),
                name="registrations_registration_offer_ends",
            ),
            models.CheckConstraint(
                condition=Q(state="awaiting_payment", payment_due_at__isnull=False)
                | (~Q(state="awaiting_payment") & Q(payment_due_at=None)),
                name="registrations_registration_payment_is_due",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=F("ticket_price"), ticket_price__gte=0),
                name="registrations_registration_amount_covers_the_ticket",
            ),
        ]
        indexes = [
            models.Index(fields=["event", "state", "registered_at"], name="registrations_reg_by_state"),
            models.Index(
                fields=["ticket_type", "registered_at"],
                condition=Q(state="waiting"),
                name="registrations_reg_in_line",
            ),
            # What the door reads off a ticket.
            models.Index(fields=["secret"], name="registrations_reg_by_secret"),
            models.Index(
                fields=["offer_expires_at"], condition=Q(state="offered"), name="registrations_reg_offers_end"
            ),
            models.Index(
                fields=["payment_due_at"], condition=Q(state="awaiting_payment"), name="registrations_reg_payments_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def clean(self) -> None:
        if self.family_name and not has_part(self.name, self.family_name):
            raise ValidationError({"family_name": _("Write it just as it stands in your name above.")})

    def get_absolute_url(self) -> str:
        return _address(self.event.slug, self.code, self.secret)

    @property
    def holds_a_place(self) -> bool:
        return self.state in HOLDS_A_PLACE

    @property
    def is_live(self) -> bool:
        return self.state in IS_LIVE

    @property
    def ror_id(self) -> str:
        return self.institution.ror_id if self.institution else ""

    def has_overdue(self, now: datetime) -> bool:
        """Whether an offer of it or of its lines, which are at hand, ran out, or it should be paid by now."""
        ends = [self.offer_expires_at, self.payment_due_at, *(line.offer_expires_at for line in self.lines.all())]
        return any(end is not None and end <= now for end in ends)

    def has_details(self, *, answers: Sequence[Answer], lines: Sequence[LineItem]) -> None:
        """As if `with_details` had read these, which were just written, in order."""
        has_files = any(answer.version.kind == QuestionKind.FILE for answer in answers)
        kept: dict[str, Sequence[models.Model]] = {"answers": answers, "lines": lines}
        if not has_files:
            kept["files"] = ()
        self._prefetched_objects_cache: dict[str, models.QuerySet[Any]] = _Details(self, kept)

    def forget_details(self) -> None:
        """They have changed: they are read anew when asked for."""
        self._prefetched_objects_cache = {}

    def searchable(self) -> str:
        return search_text(f"{self.code} {self.name} {self.native_name} {self.email} {self.affiliation}")


class LineItemQuerySet(models.QuerySet["LineItem"]):
    def wanted(self) -> LineItemQuerySet:
        return self.filter(state__in=IS_WANTED)

    def overdue(self, now: datetime) -> LineItemQuerySet:
        return self.filter(state=LineState.OFFERED, offer_expires_at__lte=now)

    def in_order(self) -> LineItemQuerySet:
        """As the event lists its products; with them."""
        return self.select_related("product").order_by("product__position", "product__pk", "pk")


class LineItem(models.Model):
    """So many of one product, asked for by one registration, at the price of that moment."""

    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey("registrations.Product", on_delete=models.PROTECT, related_name="lines")
    quantity = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    # For each of them, in the registration's currency.
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)
    state = models.CharField(max_length=10, choices=LineState)
    asked_at = models.DateTimeField()
    state_changed_at = models.DateTimeField()
    offer_expires_at = models.DateTimeField(null=True, blank=True)

    objects = LineItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["registration", "product"],
                condition=Q(state__in=sorted(IS_WANTED)),
                name="registrations_lineitem_one_per_product",
            ),
            models.CheckConstraint(
                condition=Q(state="offered", offer_expires_at__isnull=False)
                | (~Q(state="offered") & Q(offer_expires_at=None)),
                name="registrations_lineitem_offer_ends",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, unit_price__gte=0), name="registrations_lineitem_is_something"
            ),
        ]
        indexes = [
            models.Index(
                fields=["product", "asked_at"], condition=Q(state="waiting"), name="registrations_line_in_line"
            ),
            models.Index(
                fields=["offer_expires_at"], condition=Q(state="offered"), name="registrations_line_offers_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"

    @property
    def total(self) -> Decimal:
        return self.quantity * self.unit_price
