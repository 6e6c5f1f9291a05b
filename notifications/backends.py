from __future__ import annotations

from django.core.mail.backends.base import BaseEmailBackend


class LedgerBackend(BaseEmailBackend):
    """Mail that Django or a library sends goes into the ledger like every other."""
