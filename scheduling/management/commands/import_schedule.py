from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction
from django.utils import timezone

from common.problems import Refusal
from common.validators import validate_time_zone
from events.models import Event, EventState, Organisation
from events.services import events, organisations
from scheduling.importers import NotASchedule, Parsed, files
from scheduling.models import Schedule
from scheduling.services import event_from_file, imports, releases
from scheduling.services.import_results import ImportResult

#: The host of events that name none.
DEFAULT_ORGANISATION = "campus"


class Command(BaseCommand):
    help = "Read a programme (XML, JSON, iCalendar, xCal, YAML, CSV, XLSX) into an event's draft; make the event if there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--event", required=True, metavar="SLUG", help="the event's address; made if there is none")
        parser.add_argument(
            "--organisation", metavar="SLUG", help=f"its host; made if there is none ({DEFAULT_ORGANISATION})"
        )
        parser.add_argument(
            "--publish", metavar="VERSION", help="publish the draft under this name, and the event with it"
        )
        parser.add_argument(
            "--time-zone", metavar="NAME", help="of a new event whose file names none, such as Europe/Brussels"
        )
        parser.add_argument(
            "--repair-encoding", action="store_true", help="mend texts that were UTF-8 and were decoded twice"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            path = Path(options["file"])
            parsed = files.read(files.read_file(path), path.name, repair=options["repair_encoding"])
            with transaction.atomic():
                self._import(parsed, options, now)
                if options["dry_run"]:
                    transaction.set_rollback(True)
        except IntegrityError:
            self._refuse(
                f"{options['file']}: the event {options['event']} was changed by somebody else meanwhile; try again"
            )
        except files.ChangedMeanwhile:
            self._refuse(f"{options['file']}: the file was changed while it was read; try again when it is written")
        except OSError as error:
            self._refuse(f"{options['file']}: {error.strerror or error}")
        except NotASchedule as error:
            self._refuse(f"{options['file']}: {error}")
        except ValidationError as error:
            self._refuse(" ".join(error.messages))
        except Refusal as refusal:
            self._refuse("; ".join(" ".join(f"{p.message} {p.fix}".split()) for p in refusal.problems))

    def _import(self, parsed: Parsed, options: dict[str, Any], now: datetime) -> None:
        event = self._event(parsed, options, now)
        result = imports.apply(event=event, parsed=parsed, actor=None, now=now)
        self._print(result)
        if options["publish"]:
            self._publish(event, options["publish"].strip(), result, now)
        if options["dry_run"]:
            self.stdout.write("dry run: nothing was changed")

    def _event(self, parsed: Parsed, options: dict[str, Any], now: datetime) -> Event:
        if event := Event.objects.filter(slug=options["event"]).select_related("organisation").first():
            wanted = options["organisation"]
            if wanted and wanted != event.organisation.slug:
                self._refuse(f"The event {event.slug} belongs to {event.organisation.slug}, not to {wanted}.")
            return event
        zone, guess = event_from_file.time_zone_of(parsed.programme)
        if options["time_zone"]:
            validate_time_zone(options["time_zone"])
            zone, guess = options["time_zone"], ""
        if guess:
            self.stdout.write(f"warning: {guess}")
        slug = options["organisation"] or DEFAULT_ORGANISATION
        host = Organisation.objects.filter(slug=slug).first()
        if host is None:
            is_campus = slug == DEFAULT_ORGANISATION
            name = str(settings.CAMPUS_NAME) if is_campus else slug.replace("-", " ").title()
            host = organisations.create_organisation(name=name[:1].upper() + name[1:], slug=slug, actor=None, now=now)
        event = event_from_file.create_event(
            programme=parsed.programme, organisation=host, slug=options["event"], time_zone=zone, actor=None, now=now
        )
        self.stdout.write(f"event: {event.slug} created, {event.time_zone}, {event.starts_on} to {event.ends_on}")
        return event

    def _publish(self, event: Event, version: str, result: ImportResult, now: datetime) -> None:
        preview = releases.preview(event)
        same = not (preview.added or preview.moved or preview.cancelled) and result.is_same
        known = Schedule.objects.filter(event=event, version=version).first()
        if known and same:
            self.stdout.write(f"version {version} is published already, and nothing has changed since")
            return
        if known:
            self._refuse(
                f"Version {version} is published already, and the programme has changed since: name another version."
            )
        for conflict in preview.fatal:
            self.stdout.write(f"conflict: {conflict.message}")
        if event.state == EventState.DRAFT:
            events.update_event(event=event, changes={"state": EventState.LIVE}, actor=None, now=now)
        released = releases.release(event=event, version=version, force=True, actor=None, now=now)
        self.stdout.write(f"published: {released.version} at {settings.PUBLIC_URL}/{event.slug}/schedule/")

    def _print(self, result: ImportResult) -> None:
        for name, count in result.counts.items():
            self.stdout.write(f"{name}: {count}")
        self.stdout.write(f"added: {_sum(result.added)}")
        self.stdout.write(f"changed: {_sum(result.changed)}")
        self.stdout.write(f"missing: {len(result.missing)}")
        for title in result.missing:
            self.stdout.write(f"  missing: {title}")
        self.stdout.write(f"unread: {len(result.unread)}")
        for row in result.unread:
            self.stdout.write(f"  unread: {row.where}: {row.reason}")
        for row in result.warnings:
            self.stdout.write(f"warning: {row.where}: {row.reason}")
        if result.is_garbled:
            self.stdout.write("warning: --repair-encoding mends texts that were decoded twice")
        for note in result.notes:
            self.stdout.write(f"warning: {note}")

    def _refuse(self, reason: str) -> NoReturn:
        raise CommandError(" ".join(reason.split()), returncode=2)


def _sum(counter: Counter[str]) -> str:
    """`3 (2 rooms, 1 slots)`."""
    parts = ", ".join(f"{count} {name}" for name, count in counter.items() if count)
    return f"{counter.total()} ({parts})" if parts else "0"
