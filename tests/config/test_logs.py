"""What is written where the program's log goes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.config.processes import ROOT

PROGRAM = """
import logging, logging.config, os, sys
import structlog
from config import logs

logs.configure("INFO")
logging.config.dictConfig(logs.logging_config("INFO"))
structlog.contextvars.bind_contextvars(request_id="7")
ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")
"""
BOTH_SAY = """
ours.debug("unheard")
theirs.debug("unheard")
ours.info("王芳 said so", count=1)
theirs.info("%s said so", "王芳")
try:
    1 / 0
except ZeroDivisionError:
    ours.exception("bad")
    theirs.exception("bad")
"""
NOBODY_READS = """
reader, writer = os.pipe()
os.dup2(writer, 2)
os.close(writer)
os.close(reader)
ours.info("lost")
theirs.info("lost")
print("goes on")
"""


def said(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    )


def test_our_lines_and_those_of_libraries_look_the_same() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in said(BOTH_SAY).stderr.splitlines()]
    ours, theirs, our_failure, their_failure = lines
    assert (ours["event"], ours["count"], ours["request_id"], ours["level"]) == ("王芳 said so", 1, "7", "info")
    assert (theirs["event"], theirs["request_id"], theirs["level"]) == ("王芳 said so", "7", "info")
    assert [line["logger"] for line in lines] == ["ours", "theirs"] * 2
    for line in (our_failure, their_failure):
        assert (line["event"], line["level"]) == ("bad", "error")
        assert "ZeroDivisionError" in line["exception"]
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_work_goes_on_where_nobody_reads_the_log_any_more() -> None:
    assert said(NOBODY_READS).stdout == "goes on\n"
