"""Lighthouse on its phone profile, in the Chromium of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests import browser

ROOT = Path(__file__).resolve().parents[1]
_ATTEMPTS = 3


class _Unfinished(AssertionError):
    """Chromium did not do in time what Lighthouse asked of it."""


@dataclass(frozen=True, slots=True)
class Report:
    # From 0 to 1: performance, accessibility, best-practices, seo.
    scores: dict[str, float]
    largest_paint_ms: float
    layout_shift: float
    # All that was loaded, compressed.
    total_bytes: int

    def __str__(self) -> str:
        scores = ", ".join(f"{name} {score * 100:.0f}" for name, score in self.scores.items())
        return (
            f"{scores}; largest paint {self.largest_paint_ms / 1000:.1f} s, layout shift {self.layout_shift:.3f}, "
            f"{self.total_bytes / 1024:.0f} KiB"
        )


def report(url: str, *, language: str = "en") -> Report:
    """Takes about fifteen seconds. Where the machine is so busy that Chromium did not answer Lighthouse in time, it is asked again:
    that says nothing about the page."""
    for _attempt in range(_ATTEMPTS - 1):
        try:
            return _report(url, language)
        except _Unfinished:
            continue
    return _report(url, language)


def _report(url: str, language: str) -> Report:
    path = os.pathsep.join([str(ROOT / ".venv" / "node" / "bin"), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        flags = " ".join(["--headless=new", *(flag for flag in browser.arguments() if " " not in flag)])
        done = subprocess.run(
            [
                str(ROOT / "node_modules" / ".bin" / "lighthouse"),
                url,
                "--quiet",
                "--output=json",
                f"--output-path={file}",
                f"--extra-headers={json.dumps({'Accept-Language': language})}",
                f"--chrome-flags={flags}",
            ],
            env={**os.environ, "PATH": path, "CHROME_PATH": browser.find_chromium() or ""},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            failure = f"Lighthouse failed on {url}: {done.stdout}{done.stderr}"
            raise (_Unfinished if "Runtime error" in failure else AssertionError)(failure)
        found = json.loads(file.read_text())
    if found.get("runtimeError") or any(category["score"] is None for category in found["categories"].values()):
        raise _Unfinished(f"Lighthouse could not judge {url}: {found.get('runtimeError')}")
    audits = found["audits"]
    return Report(
        scores={name: category["score"] for name, category in found["categories"].items()},
        largest_paint_ms=audits["largest-contentful-paint"]["numericValue"],
        layout_shift=audits["cumulative-layout-shift"]["numericValue"],
        total_bytes=int(audits["total-byte-weight"]["numericValue"]),
    )
