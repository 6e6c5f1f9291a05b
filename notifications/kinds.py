"""The kinds of mail that belong to no app above."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from notifications.notices import NoticeKind, Placeholder, PlaceholderType

ACCOUNT_MAIL = NoticeKind(
    code="account_mail",
    title=_("Signing in and account"),
    # Written by the account pages, which know their own words.
    subject="{subject}",
    body="{text}",
    placeholders=(
        Placeholder(name="subject", label=_("subject"), example="Sign-In Code"),
        Placeholder(name="text", label=_("text"), example="Your code: 4F7K2M", type=PlaceholderType.PARAGRAPHS),
    ),
    priority=0,
    is_editable=False,
)

ORGANIZERS_MESSAGE = NoticeKind(
    code="organizers_message",
    title=_("Message from the organizers"),
    subject="{subject}",
    body="{text}",
    placeholders=(
        Placeholder(name="subject", label=_("subject"), example="The bus to the lake"),
        Placeholder(name="text", label=_("text"), example="It leaves at eight.", type=PlaceholderType.PARAGRAPHS),
    ),
    priority=20,
    is_editable=False,
)

CAMPAIGN = NoticeKind(
    code="campaign",
    title=_("Campaign"),
    # Each campaign has words of its own.
    subject=_("News from {event}"),
    body="",
    placeholders=(
        Placeholder(name="name", label=_("name of the recipient"), example="Lin Wei"),
        Placeholder(name="event", label=_("event"), example="Food Science Days 2027"),
        Placeholder(name="ticket", label=_("ticket; empty for those who have none"), example="Student"),
        Placeholder(name="code", label=_("code of the registration; empty for those who have none"), example="7KQ2ZD"),
        Placeholder(
            name="link",
            label=_("Open my page"),
            example="https://conferences.example.edu/food-2027/registrations/…/",
            type=PlaceholderType.LINK,
        ),
    ),
    priority=40,
    is_optional=True,
    is_editable=False,
)
