"""Tasks are called by name, so that services need not import them: each name is a task's."""

from __future__ import annotations

import re
from pathlib import Path

from common.jobs import WAKE_UPS
from config.celery import app

ROOT = Path(__file__).resolve().parents[2]


def registered() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_beat_and_services_call_tasks_that_exist() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()} | WAKE_UPS
    assert asked <= registered()


def test_services_ask_for_no_other_task() -> None:
    asked = set()
    for path in ROOT.glob("*/**/*.py"):
        if path.is_relative_to(ROOT / "tests") or ".venv" in path.parts or "node_modules" in path.parts:
            continue
        asked |= set(re.findall(r'enqueue_on_commit\(\s*"([^"]+)"', path.read_text()))
    assert asked
    assert asked <= WAKE_UPS


def test_every_task_is_asked_for_by_somebody() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()} | WAKE_UPS
    assert registered() <= asked
