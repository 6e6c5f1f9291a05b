from __future__ import annotations

import json
import zipfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from accounts.services import institutions


class Command(BaseCommand):
    help = "Loads the list of universities that the form suggests from: the one that comes with Lihu, or a data dump of ror.org."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="a data dump of ror.org, schema 2: .json, or the .zip around it")

    def handle(self, *, file: str | None, **_options: Any) -> None:
        entries = institutions.read_registry(_records(Path(file))) if file else institutions.read_bundled()
        new, changed = institutions.load(entries)
        self.stdout.write(f"{new} new, {changed} changed")


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.endswith(".json")]
                # A dump holds the older schema beside the newer.
                name = next((name for name in names if "schema_v2" in name), names[0] if names else "")
                content = archive.read(name)
        else:
            content = path.read_bytes()
        records = json.loads(content)
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    if not isinstance(records, list) or not all(isinstance(r, dict) and "names" in r for r in records[:10]):
        raise CommandError(f"{path} is no data dump of ror.org in schema 2")
    return records
