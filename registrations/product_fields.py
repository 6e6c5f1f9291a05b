"""Products in forms: how many of each, chosen by whoever registers or changes what they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _

from registrations.models import LineItem, Product
from registrations.offers import ProductOffer

PRODUCT = "product_"


class ProductsMixin:
    """One field per product, `product_ID`: the number of it."""

    product_offers: ClassVar[Sequence[ProductOffer]] = ()
    cleaned_data: dict[str, Any]

    @property
    def products(self) -> list[tuple[Product, int]]:
        """As the services take them: those of which somebody wants some."""
        return [
            (offer.product, quantity)
            for offer in self.product_offers
            if (quantity := int(self.cleaned_data.get(f"{PRODUCT}{offer.product.pk}") or 0))
        ]

    @property
    def product_rows(self) -> list[tuple[ProductOffer, BoundField]]:
        return [(offer, self[f"{PRODUCT}{offer.product.pk}"]) for offer in self.product_offers]  # type: ignore[index]


def with_products(base: type[Any], offers: Sequence[ProductOffer], lines: Sequence[LineItem] = ()) -> type[Any]:
    """`base` with a field for each product that can be had, or that is had already (`lines`)."""
    has = {line.product_id: line for line in lines}
    shown = [offer for offer in offers if offer.is_open or offer.product.pk in has]
    fields: dict[str, Any] = {f"{PRODUCT}{offer.product.pk}": _field(offer, has) for offer in shown}
    return type(base.__name__, (ProductsMixin, base), {**fields, "product_offers": shown})


def _field(offer: ProductOffer, has: Mapping[int, LineItem]) -> forms.Field:
    line = has.get(offer.product.pk)
    most = offer.product.max_per_registration
    if line:
        # What somebody has they may keep, even if it could no longer be had.
        most = max(most, line.quantity) if offer.is_open else line.quantity
    choices = [(0, _("None")), *((number, str(number)) for number in range(1, most + 1))]
    return forms.TypedChoiceField(
        label=str(offer.product.name),
        choices=choices,
        coerce=int,
        required=False,
        initial=line.quantity if line else 0,
    )
