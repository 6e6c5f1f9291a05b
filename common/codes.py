"""Names that people see in addresses: short codes, and secrets that nobody can guess."""

from __future__ import annotations

import secrets
from typing import Final

from django.core.validators import RegexValidator

CODE_PATTERN: Final = r"[0-9A-Z]{6}"
# Without 0/O, 1/I/L, 2/Z, 5/S, 8/B and U/V: codes are read out over the telephone.
CODE_ALPHABET: Final = "34679ACDEFGHJKMNPQRTWXY"
validate_code = RegexValidator(rf"^{CODE_PATTERN}\Z")


def new_code() -> str:
    """Six characters, about 148 million possibilities: unique within one event by constraint, so callers retry."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(6))


def new_secret() -> str:
    """160 bits, safe in a URL: who holds it may act for the row it belongs to."""
    return secrets.token_urlsafe(20)
