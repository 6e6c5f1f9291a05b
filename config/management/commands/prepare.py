from __future__ import annotations

import hashlib
import io
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import BaseCommand, call_command, get_commands

from accounts.models import Institution
from scheduling.services.artifacts import reframe_stale


class Command(BaseCommand):
    help = "Makes an instance ready to serve: database, static files and, with --demo and nothing in it yet, the demo."

    requires_system_checks = "__all__"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load the demo conference into an empty instance")
        parser.add_argument("--static-only", action="store_true", help="only the static files: for building an image")

    def handle(self, *, demo: bool, static_only: bool, **_options: Any) -> None:
        if static_only:
            collect_static()
            return
        call_command("migrate", interactive=False, verbosity=0)
        collect_static()
        # Published pages name the style sheets that they were rendered with.
        reframe_stale()
        if not Institution.objects.exists():
            call_command("load_institutions", verbosity=0, stdout=io.StringIO())
        if demo and "load_demo" in get_commands() and is_empty():
            call_command("load_demo")


def is_empty() -> bool:
    return not any(apps.get_model(model).objects.exists() for model in ("accounts.User", "events.Event"))


def collect_static() -> None:
    """Hash, compress and copy the static files, if any of them changed: it takes seconds of every start otherwise.

    Earlier versions stay: browsers and proxies have pages that name them.
    """
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    seal = root.with_name(f"{root.name}.digest")
    digest = _digest_of_sources()
    if seal.exists() and seal.read_text() == digest and (root / "staticfiles.json").exists():
        return
    seal.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    seal.write_text(digest)


def _digest_of_sources() -> str:
    # By content, not by date: an image's dates are rounded on their way through a registry.
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            digest.update(path.encode() + b"\0")
            with storage.open(path) as file:
                digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()
