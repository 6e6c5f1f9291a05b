"""Mail providers that send over their own API (django-anymail), and where each wants what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Names of django-anymail's settings; empty where the provider has no such thing."""

    key: str
    # Class of anymail.webhooks that reads its reports.
    tracking: str
    secret: str = ""
    domain: str = ""
    url: str


PROVIDERS: Final = {
    "brevo": Provider(key="BREVO_API_KEY", url="BREVO_API_URL", tracking="brevo.BrevoTrackingWebhookView"),
    "mailersend": Provider(
        key="MAILERSEND_API_TOKEN",
        secret="MAILERSEND_SIGNING_SECRET",  # noqa: S106 (a name)
        url="MAILERSEND_API_URL",
        tracking="mailersend.MailerSendTrackingWebhookView",
    ),
    "mailgun": Provider(
        key="MAILGUN_API_KEY",
        secret="MAILGUN_WEBHOOK_SIGNING_KEY",  # noqa: S106
        domain="MAILGUN_SENDER_DOMAIN",
        url="MAILGUN_API_URL",
        tracking="mailgun.MailgunTrackingWebhookView",
    ),
    "mailjet": Provider(
        key="MAILJET_API_KEY",
        secret="MAILJET_SECRET_KEY",  # noqa: S106
        url="MAILJET_API_URL",
        tracking="mailjet.MailjetTrackingWebhookView",
    ),
    "postmark": Provider(
        key="POSTMARK_SERVER_TOKEN", url="POSTMARK_API_URL", tracking="postmark.PostmarkTrackingWebhookView"
    ),
    "sparkpost": Provider(
        key="SPARKPOST_API_KEY", url="SPARKPOST_API_URL", tracking="sparkpost.SparkPostTrackingWebhookView"
    ),
}
#: Without it they cannot send.
NEEDS_SECRET: Final = frozenset({"mailjet", "mailgun", "mailersend"})


def tracking_view(name: str) -> str:
    """Dotted path, empty for no provider."""
    provider = PROVIDERS.get(name)
    return f"anymail.webhooks.{provider.tracking}" if provider else ""


def anymail_settings(
    name: str, *, key: str, secret: str, domain: str, url: str, webhook_secret: str, timeout: int
) -> dict[str, Any]:
    """What django-anymail reads as settings.ANYMAIL."""
    provider = PROVIDERS.get(name)
    # Metadata and the wish not to be tracked are not everybody's: a mail goes out without them.
    shared: dict[str, Any] = {"REQUESTS_TIMEOUT": timeout, "IGNORE_UNSUPPORTED_FEATURES": True}
    if webhook_secret:
        shared["WEBHOOK_SECRET"] = webhook_secret
    if provider is None:
        return shared
    given = {provider.key: key, provider.secret: secret, provider.domain: domain, provider.url: url}
    return shared | {setting: value for setting, value in given.items() if setting and value}
