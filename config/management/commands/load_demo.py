from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from config.demo.load import SLUG, load
from events.models import Event


class Command(BaseCommand):
    help = "Load the demo conference, once, and write its accounts to demo-accounts.txt under LIHU_HOME."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if Event.objects.filter(slug=SLUG).exists():
            self.stdout.write("The demo is loaded already.")
            return
        accounts = load(now=timezone.now(), quiet=bool(settings.SMTP_URL or settings.MAIL_PROVIDER))
        lines = [f"{account.role}: {account.email} / {account.password}" for account in accounts]
        path = settings.LIHU_HOME / "demo-accounts.txt"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        self.stdout.write("\n".join(lines))
