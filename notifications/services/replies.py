"""What an SMTP reply means for the mail in hand: docs/explanation/mail-and-reminders.md has the same rules as a table.

Codes are those of RFC 5321 §4.2, with the enhanced ones of RFC 3463 where a server gives them.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Verdict(Enum):
    ACCEPTED = "accepted"
    # For some minutes: greylisting, a busy server.
    LATER = "later"
    # For hours: a mailbox that is full empties at human pace.
    MUCH_LATER = "much later"
    NEVER = "never"


class Trouble(Enum):
    """It is not about the recipient: the next mail would hear the same."""

    # 421: too many, too fast, or closing down.
    SENT_AWAY = "sent away"
    # Authentication is wanted or failed, relaying is denied, our address is blocked, our commands are not understood.
    ABOUT_US = "about us"


_ABOUT_US: Final = frozenset({454, 500, 502, 503, 504, 530, 534, 535, 538})
_TOO_LARGE: Final = 552
_POLICY: Final = re.compile(r"5\.7\.\d")
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_FULL: Final = re.compile(r"4\.2\.2\b")
#: Servers refuse at RCPT what they hold against the sender; the code is the same, the words are not.
_NAMES_US: Final = re.compile(
    r"relay|authenticat|sender (address|domain)|client host|blocked using|block ?list|blacklist|spf |dkim|dmarc",
    re.IGNORECASE,
)


def meaning_of(code: int, text: str, *, to: str) -> Verdict | Trouble:
    """Of a reply that is no success. `to`: the command that it answers (`MAIL`, `RCPT`, `DATA`), empty for the mail itself."""
    if code == 421:
        return Trouble.SENT_AWAY
    if code in _ABOUT_US:
        return Trouble.ABOUT_US
    if to == "MAIL":
        # RFC 1870: the size that was announced is too much.
        return Verdict.NEVER if code == _TOO_LARGE else Trouble.ABOUT_US
    if 500 <= code < 600:
        return Trouble.ABOUT_US if _is_against_us(text) else Verdict.NEVER
    return Verdict.MUCH_LATER if code == 452 or _FULL.match(text) else Verdict.LATER


def _is_against_us(text: str) -> bool:
    """A refusal by policy, or without a reason in numbers, whose words speak of the sender."""
    is_policy = _POLICY.match(text) or not _ENHANCED.match(text)
    return bool(is_policy and _NAMES_US.search(text))
