"""Real conference data, read at test time from the folder that lies beside a clone. It is not part of the project."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def shared(name: str) -> Path:
    """Path of a file such as `schedules/ccc/31c3.schedule.xml`; skips the test where the folder is missing."""
    path = _SHARED / name
    if not path.exists():
        pytest.skip(f"The shared test data ({name}) are not here.")
    return path


def has_shared() -> bool:
    return _SHARED.is_dir()


@cache
def expected_counts() -> dict[str, dict[str, Any]]:
    """What an importer must find in each file, by the file's name."""
    found: dict[str, dict[str, Any]] = json.loads(shared("expected_counts.dev.json").read_text())
    return found
