from __future__ import annotations

from notifications.models.campaigns import EDITABLE, Campaign, CampaignQuerySet, CampaignState
from notifications.models.limits import Spending
from notifications.models.mailbox import CaughtMail
from notifications.models.messages import (
    FINAL_STATES,
    PENDING_STATES,
    CancelReason,
    Delivery,
    Message,
    MessageQuerySet,
    MessageState,
)
from notifications.models.preferences import Preference, PreferenceQuerySet
from notifications.models.reminders import (
    MAX_DAYS_BEFORE,
    MAX_OFFSET_MINUTES,
    Anchor,
    Audience,
    ReminderRule,
    ReminderRuleQuerySet,
)
from notifications.models.templates import MailTemplate

__all__ = [
    "EDITABLE",
    "FINAL_STATES",
    "MAX_DAYS_BEFORE",
    "MAX_OFFSET_MINUTES",
    "PENDING_STATES",
    "Anchor",
    "Audience",
    "Campaign",
    "CampaignQuerySet",
    "CampaignState",
    "CancelReason",
    "CaughtMail",
    "Delivery",
    "MailTemplate",
    "Message",
    "MessageQuerySet",
    "MessageState",
    "Preference",
    "PreferenceQuerySet",
    "ReminderRule",
    "ReminderRuleQuerySet",
    "Spending",
]
