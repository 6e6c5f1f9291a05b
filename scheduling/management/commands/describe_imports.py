from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from scheduling.importers import NotASchedule, Parsed, files
from scheduling.programme import Programme

#: The page, and the comments between which the table stands.
PAGE: Final = Path("docs/reference/import.md")
BEGIN: Final = "<!-- what is read: begin -->"
END: Final = "<!-- what is read: end -->"

_HEAD: Final = (
    "| file | format | what it has | days | rooms | tracks | sessions | speakers | unread | warnings |",
    "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
)


class Command(BaseCommand):
    help = "Write into docs/reference/import.md what the importers make of each file in a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        folder, page = Path(options["folder"]), Path(settings.BASE_DIR) / PAGE
        if not folder.is_dir():
            raise CommandError(f"{folder}: No such folder", returncode=2)
        text = page.read_text()
        page.write_text(with_table(text, table(folder)))
        self.stdout.write(f"{PAGE}: written")


def with_table(page: str, rows: str) -> str:
    """The page with these rows between its comments."""
    before, _begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not end:
        raise CommandError(f"{PAGE} has no {BEGIN} and {END} after it", returncode=2)
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


def table(folder: Path) -> str:
    """One row for each file below the folder: first those that are read, then those that are refused, and why."""
    read, refused = [*_HEAD], ["", "| refused | because |", "|---|---|"]
    with translation.override("en"):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            try:
                parsed = files.read(path.read_bytes(), path.name)
            except NotASchedule as reason:
                refused.append(f"| {name} | {_cell(str(reason))} |")
            else:
                read.append(_row(name, parsed))
    return "\n".join([*read, *refused])


def _row(name: str, parsed: Parsed) -> str:
    counts = parsed.programme.counts
    numbers = [counts[key] for key in ("days", "rooms", "tracks", "sessions", "speakers")]
    cells = [name, parsed.format, _what_it_has(parsed.programme), *numbers, len(parsed.unread), len(parsed.warnings)]
    return f"| {' | '.join(_cell(str(cell)) for cell in cells)} |"


def _what_it_has(programme: Programme) -> str:
    sessions = programme.sessions
    if programme.time_zone:
        clock = programme.time_zone
    else:
        clock = "times without zone" if programme.is_floating else "offsets"
    has = {
        "GUIDs": any(session.guid for session in sessions),
        "texts": any(session.abstract or session.description for session in sessions),
        "links": any(session.links or session.attachments for session in sessions),
        "languages": any(session.language for session in sessions),
        "affiliations": any(person.affiliation for person in programme.persons),
        "biographies": any(person.biography for person in programme.persons),
    }
    return ", ".join([clock, *(name for name, there in has.items() if there)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
