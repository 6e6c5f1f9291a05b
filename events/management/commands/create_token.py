from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from knox.models import AuthToken

from accounts.services.addresses import user_with_address
from common.problems import Refusal
from events.models import Organisation
from events.services.organisations import create_organisation, make_organizer


class Command(BaseCommand):
    help = "Create the user if needed and print one API token, alone on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--staff", action="store_true", help="may do everything at every event")
        parser.add_argument("--organisation", metavar="SLUG", help="a full organizer of it; made if there is none")

    @transaction.atomic
    def handle(self, *args: Any, email: str, staff: bool, organisation: str | None, **options: Any) -> None:
        now = timezone.now()
        try:
            user = user_with_address(email, is_staff=staff)
            if organisation:
                host = Organisation.objects.filter(slug=organisation).first()
                if host is None:
                    host = create_organisation(
                        name=organisation.replace("-", " ").title(), slug=organisation, actor=None, now=now
                    )
                make_organizer(organisation=host, user=user, actor=None, now=now)
        except (Refusal, ValidationError) as error:
            raise CommandError(" ".join(str(error).split())) from error
        _row, token = AuthToken.objects.create(user=user)
        self.stdout.write(token)
