"""Amounts for people."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency

from common.dates import babel_locale


def money(amount: Decimal, currency: str, language: str | None = None) -> str:
    """In the reader's language: CN¥1,200.00 / ¥1,200.00. `currency`: ISO 4217."""
    return str(format_currency(amount, currency, locale=babel_locale(language)))
