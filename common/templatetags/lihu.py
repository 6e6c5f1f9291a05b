"""What templates need beyond Django's own: icons, dates for people, attributes, the address in another language."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import heroicons
from babel.dates import format_date
from django import template
from django.conf import settings
from django.template.context import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from common import dates
from common.money import money

register = template.Library()


# -- Icons -----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=512)
def _icon(name: str, style: str, extra_class: str) -> SafeString:
    attributes: dict[str, object] = {"class": f"icon {extra_class}".strip(), "aria_hidden": "true"}
    # A name comes from our own sources; one that does not exist is a mistake that should be heard of.
    svg = heroicons._render_icon(style, name, 20 if style == "mini" else 24, attributes)  # noqa: SLF001
    return mark_safe(svg)  # noqa: S308 (drawn from the icon set, with attributes written here)


@register.simple_tag
def icon(name: str, style: str = "mini", extra_class: str = "") -> SafeString:
    """A heroicon beside words: decorative, so hidden from screen readers."""
    return _icon(str(name), str(style or "mini"), slugify(extra_class))


# -- Attributes ------------------------------------------------------------------------------------------------------


@register.filter
def html_attributes(attrs: Mapping[str, Any]) -> SafeString:
    """What a component passes on to its element. Cotton's own `{{ attrs }}` does not escape values given with `:name`."""
    excluded: set[str] = getattr(attrs, "_exclude_from_str", set())
    pairs = [(name, value) for name, value in attrs.items() if name not in excluded and value not in (False, None)]
    return format_html_join(
        "",
        "{}",
        ((_attribute(name, value),) for name, value in pairs if name.replace("-", "").replace(":", "").isalnum()),
    )


def _attribute(name: str, value: Any) -> SafeString:
    # Cotton keeps an attribute without a value as True.
    text = f" {name}" if value is True else f' {name}="{conditional_escape(value)}"'
    return mark_safe(text)  # noqa: S308 (name is alphanumeric, value escaped)


# -- Languages -------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def language_url(context: Context, code: str) -> str:
    """This page in another language. Pages rendered once for everybody have no request, and no query to keep."""
    query = context["request"].GET.copy() if "request" in context else {}
    query["lang"] = code
    return f"?{query.urlencode()}" if hasattr(query, "urlencode") else f"?lang={code}"


@register.simple_tag(takes_context=True)
def page_url(context: Context, parameter: str, number: int) -> str:
    """This list, another page of it: filters stay."""
    query = context["request"].GET.copy()
    query[parameter] = str(number)
    return f"?{query.urlencode()}"


@register.simple_tag
def other_languages() -> list[tuple[str, str]]:
    """(code, own name) of every interface language but the page's."""
    current = get_language()
    return [(code, name) for code, name in settings.LANGUAGES if code != current]


# -- Dates and times -------------------------------------------------------------------------------------------------


@register.filter
def day(value: date) -> str:
    return dates.day(value)


@register.filter
def short_day(value: date) -> str:
    return dates.short_day(value)


@register.filter
def day_range(start: date, end: date) -> str:
    return dates.day_range(start, end)


@register.filter
def clock(value: datetime, tz: ZoneInfo) -> str:
    return dates.clock(value, tz)


@register.filter
def moment(value: datetime, tz: ZoneInfo) -> str:
    return dates.moment(value, tz)


@register.filter
def in_currency(amount: Decimal, currency: str) -> str:
    """`{{ ticket.price|in_currency:event.currency }}`"""
    return money(amount, currency)


@register.filter
def zone_name(tz: ZoneInfo, at: datetime | None = None) -> str:
    return dates.zone_name(tz, at)


@register.filter
def local_day(value: datetime, tz: ZoneInfo) -> date:
    return value.astimezone(tz).date()


@register.filter
def iso(value: datetime, tz: ZoneInfo) -> str:
    """For `<time datetime>`: the wall clock and its offset."""
    return value.astimezone(tz).isoformat(timespec="minutes")


@register.filter
def month_name(value: date) -> str:
    """Jun / 6月, for a date badge."""
    return format_date(value, "LLL", locale=dates.babel_locale())


# -- Names -----------------------------------------------------------------------------------------------------------


@register.filter
def initials(name: str) -> str:
    """Two letters that stand for somebody: `Ada Lovelace` AL; `李华` 华, since many share the first."""
    words = str(name).replace("-", " ").split()
    if not words:
        return "?"
    if any("\u2e80" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3" for letter in name):
        return words[-1][-1]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


# -- The pages of one event ------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def event_tabs(context: Context, event: Any) -> list[dict[str, Any]]:
    """The public pages of `event`. The one being read comes from `tab` in the context, or else from the address."""
    current = context.get("tab")
    path = context["request"].path if "request" in context else ""
    places = [
        ("about", _("About"), "events:event"),
        ("schedule", _("Schedule"), "scheduling:schedule"),
        ("speakers", _("Speakers"), "scheduling:speakers"),
        ("register", _("Registration"), "registrations:register"),
    ]
    tabs = []
    for key, label, url_name in places:
        try:
            url = reverse(url_name, args=[event.slug])
        except NoReverseMatch:
            continue
        here = key == current if current else (path == url if key == "about" else path.startswith(url))
        tabs.append({"key": key, "label": label, "url": url, "active": here})
    return tabs
