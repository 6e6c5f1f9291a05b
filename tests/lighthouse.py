"""Lighthouse on its phone profile, in the Chromium of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests import browser

ROOT = Path(__file__).resolve().parents[1]


def scores(url: str) -> dict[str, float]:
    """From 0 to 1: performance, accessibility, best-practices, seo. Takes about fifteen seconds."""
    path = os.pathsep.join([str(ROOT / ".venv" / "node" / "bin"), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        flags = " ".join(["--headless=new", *(flag for flag in browser.arguments() if " " not in flag)])
        done = subprocess.run(
            [
                str(ROOT / "node_modules" / ".bin" / "lighthouse"),
                url,
                "--quiet",
                "--output=json",
                f"--output-path={report}",
                f"--chrome-flags={flags}",
            ],
            env={**os.environ, "PATH": path, "CHROME_PATH": browser.find_chromium() or ""},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"Lighthouse failed on {url}: {done.stdout}{done.stderr}")
        categories = json.loads(report.read_text())["categories"]
    return {name: category["score"] for name, category in categories.items()}
