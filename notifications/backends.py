from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from email.utils import parseaddr
from typing import Final

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone, translation

from common.text import email_key
from notifications.kinds import ACCOUNT_MAIL
from notifications.notices import Notice, Recipient
from notifications.services.ledger import notify_many

#: A code or link that arrives later than this has lapsed.
KEPT_FOR: Final = timedelta(hours=24)


class LedgerBackend(BaseEmailBackend):
    """Mail that Django or a library sends goes into the ledger like every other, in the language of the moment."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        now = timezone.now()
        written = 0
        for mail in email_messages:
            notices = [
                Notice(
                    to=Recipient(email=address, language=translation.get_language() or "en"),
                    about=f"account:{email_key(address)}"[:120],
                    context={"subject": str(mail.subject), "text": str(mail.body)},
                    revision=uuid.uuid4().hex,
                    expires_at=now + KEPT_FOR,
                )
                for _name, address in map(parseaddr, mail.recipients())
            ]
            notify_many(kind=ACCOUNT_MAIL, notices=notices, now=now)
            written += bool(notices)
        return written
