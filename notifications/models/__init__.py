from __future__ import annotations

from notifications.models.mailbox import CaughtMail
from notifications.models.messages import FINAL_STATES, PENDING_STATES, Delivery, Message, MessageQuerySet, MessageState
from notifications.models.reminders import Anchor, Audience, ReminderRule, ReminderRuleQuerySet
from notifications.models.templates import MailTemplate

__all__ = [
    "FINAL_STATES",
    "PENDING_STATES",
    "Anchor",
    "Audience",
    "CaughtMail",
    "Delivery",
    "MailTemplate",
    "Message",
    "MessageQuerySet",
    "MessageState",
    "ReminderRule",
    "ReminderRuleQuerySet",
]
