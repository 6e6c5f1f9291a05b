"""Combinations of settings that would fail later, refused at start."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from config.providers import NEEDS_SECRET, PROVIDERS


@register()
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme not in {"http", "https"} or not public.hostname:
        found.append(
            Error(
                f"PUBLIC_URL is {settings.PUBLIC_URL!r}, which is not an http or https address.",
                hint="Set it to the address people type, such as https://conferences.example.edu",
                id="lihu.E001",
            )
        )
    if settings.CAMPUS_TIME_ZONE not in available_timezones():
        found.append(
            Error(
                f"CAMPUS_TIME_ZONE is {settings.CAMPUS_TIME_ZONE!r}, which is no IANA time zone.",
                hint="Set it to a name such as Asia/Shanghai",
                id="lihu.E002",
            )
        )
    if settings.SMTP_URL:
        smtp = urlsplit(settings.SMTP_URL)
        if smtp.scheme not in {"smtp", "smtp+tls", "smtp+ssl"} or not smtp.hostname:
            found.append(
                Error(
                    "SMTP_URL is not an address of a mail server.",
                    hint="Write smtp://host:25, smtp+tls://user:password@host:587 or smtp+ssl://user:password@host:465",
                    id="lihu.E003",
                )
            )
    found += [
        Error(
            f"{name} is {getattr(settings, name)}: mail would hardly move.",
            hint="Set it to 10 or more, or to 0 for no limit",
            id="lihu.E005",
        )
        for name in ("MAIL_PER_MINUTE", "MAIL_PER_MINUTE_AND_EVENT", "MAIL_PER_MINUTE_AND_HOST")
        if getattr(settings, name) < 10 and getattr(settings, name) != 0
    ]
    found += _provider_problems()
    if settings.DEBUG and public.scheme == "https":
        found.append(
            Error(
                "DEBUG is on under an https address: it would show settings and code to visitors.",
                hint="Unset DEBUG",
                id="lihu.E004",
            )
        )
    return found


def _provider_problems() -> list[CheckMessage]:
    name = settings.MAIL_PROVIDER
    if not name:
        return []
    if name not in PROVIDERS:
        hint = f"Set it to one of {', '.join(sorted(PROVIDERS))}, or use SMTP_URL"
        return [Error(f"MAIL_PROVIDER is {name!r}, which is not known here.", hint=hint, id="lihu.E006")]
    found: list[CheckMessage] = []
    if settings.SMTP_URL:
        found.append(
            Error(
                "MAIL_PROVIDER and SMTP_URL are both set.", hint="Mail leaves by one: unset the other", id="lihu.E007"
            )
        )
    missing = [
        setting
        for setting, is_needed in {
            "MAIL_PROVIDER_KEY": True,
            "MAIL_PROVIDER_SECRET": name in NEEDS_SECRET,
            "MAIL_PROVIDER_DOMAIN": bool(PROVIDERS[name].domain),
        }.items()
        if is_needed and not getattr(settings, setting)
    ]
    found += [
        Error(f"MAIL_PROVIDER is {name}, and {setting} is not set.", hint="The provider shows it", id="lihu.E008")
        for setting in missing
    ]
    secret = settings.MAIL_PROVIDER_WEBHOOK_SECRET
    if secret and ":" not in secret:
        found.append(
            Error(
                "MAIL_PROVIDER_WEBHOOK_SECRET is not a name and a password.",
                hint="Write name:password; the provider reports to https://name:password@…/mail/reports/",
                id="lihu.E009",
            )
        )
    return found
