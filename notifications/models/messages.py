from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _


class MessageState(models.TextChoices):
    DRAFT = "draft", _("draft")
    QUEUED = "queued", _("queued")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    BOUNCED = "bounced", _("bounced")


class CancelReason(models.TextChoices):
    """Why a message will not go out."""

    WITHDRAWN = "withdrawn", _("What it was about has gone or moved.")
    MERGED = "merged", _("A later mail tells what it told, and what has changed since.")
    EXPIRED = "expired", _("It could not go out before it was too late.")
    UNSUBSCRIBED = "unsubscribed", _("The recipient has unsubscribed from mails of this kind.")
    BY_HAND = "by_hand", _("An organizer cancelled it.")


_S = MessageState
#: Will still go out if nothing happens.
PENDING_STATES: Final = frozenset({_S.QUEUED, _S.SENDING})
FINAL_STATES: Final = frozenset({_S.SENT, _S.FAILED, _S.CANCELLED, _S.BOUNCED})


class MessageQuerySet(models.QuerySet["Message"]):
    def of_event(self, event_id: int) -> MessageQuerySet:
        return self.filter(event_id=event_id)

    def due(self, now: datetime) -> MessageQuerySet:
        return self.filter(state=MessageState.QUEUED, due_at__lte=now)

    def about(self, *subjects: str) -> MessageQuerySet:
        return self.filter(about__in=subjects)

    def stuck(self, since: datetime) -> MessageQuerySet:
        """Claimed before `since` and not answered for: their worker is gone."""
        return self.filter(state=MessageState.SENDING, claimed_at__lt=since)

    def matching(self, words: str) -> MessageQuerySet:
        """Every word occurs in the address, the name, the subject or what it is about."""
        found = self
        for word in words.split():
            found = found.filter(
                Q(recipient_key__contains=word.casefold())
                | Q(recipient_name__icontains=word)
                | Q(subject__icontains=word)
                | Q(about__icontains=word)
            )
        return found


class Message(models.Model):
    """One mail to one address: the ledger's row, unique by what it is. Whatever crashes or runs twice, there is one row.

    queued → sending (claimed by a worker) → sent | failed; queued → cancelled. `due_at` is `send_at` at first and moves
    with every retry.
    """

    kind = models.CharField(max_length=80)
    # What it is about, named by the owning app: `slot:UUID`, `registration:CODE`, `event:SLUG`.
    about = models.CharField(max_length=120)
    # The addressee's address as the unique key sees it (common.text.email_key).
    recipient_key = models.CharField(max_length=254)
    # Tells apart several messages of one kind about one thing: a revision number, an instant, a random value.
    revision = models.CharField(max_length=64, default="0")

    # A plain number: notifications knows no event. None: the site itself (sign-in codes).
    event_id = models.BigIntegerField(null=True)
    recipient_email = models.EmailField(max_length=254)
    recipient_name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10)
    context = models.JSONField(default=dict)
    # As rendered when the row was written, for lists; rendered anew when sent.
    subject = models.CharField(max_length=500, blank=True)

    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.QUEUED)
    # Lower goes first: 0 sign-in codes, 10 tickets, 20 programme changes, 30 reminders, 40 campaigns.
    priority = models.PositiveSmallIntegerField(default=20)
    created_at = models.DateTimeField()
    send_at = models.DateTimeField()
    due_at = models.DateTimeField()
    # Not sent after this instant: a reminder for a slot that has begun is of no use. None: never too late.
    expires_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # What the mail server, or the lack of one, said last.
    error = models.TextField(blank=True)
    # Set where the state is cancelled.
    reason = models.CharField(max_length=12, choices=CancelReason, blank=True, default="", db_default="")
    # The header `Message-ID`, fixed when the row is written, so that a repeat can be told by the receiver.
    message_id = models.CharField(max_length=200)
    # As sent: subject, language, text, html, calendar. Empty until then.
    rendered = models.JSONField(default=dict)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "about", "recipient_key", "revision"], name="notifications_message_once"
            ),
            # A constraint of our own: `unique=True` would bring an index for LIKE, to be written with every change of state.
            models.UniqueConstraint(fields=["message_id"], name="notifications_message_id_once"),
            models.CheckConstraint(
                condition=Q(state="sending", claim__isnull=False) | (~Q(state="sending") & Q(claim=None)),
                name="notifications_message_claimed_while_sending",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="notifications_message_sent_has_a_time"
            ),
        ]
        indexes = [
            # Lanes: what is as urgent and of one event; delivery.claim takes from each in turn.
            models.Index(
                F("priority"),
                Coalesce("event_id", 0),
                F("due_at"),
                F("id"),
                condition=Q(state="queued"),
                name="notifications_message_lanes",
            ),
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="notifications_message_claimed"),
            models.Index(fields=["event_id", "-id"], name="notifications_message_by_event"),
            models.Index(fields=["about"], name="notifications_message_by_about"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.recipient_email}"


class Delivery(models.Model):
    """One attempt to hand one message to a server, and what the server said."""

    # Another index begins with it.
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    attempted_at = models.DateTimeField()
    accepted = models.BooleanField()
    # SMTP reply code (RFC 5321 §4.2), None where there was no answer.
    code = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    # What a mail provider calls this mail; its reports of bounces name it so. Empty with SMTP.
    provider_id = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["message", "attempted_at"], name="notifications_delivery_order"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="notifications_delivery_by_id"),
        ]

    def __str__(self) -> str:
        return f"{self.code or '–'} {self.answer[:60]}"
