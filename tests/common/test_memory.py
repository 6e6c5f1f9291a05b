"""Memory that a process no longer needs is the machine's again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, threading
from common import memory

def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20

if "one" in sys.argv:
    memory.share_one_heap()
def work():
    kept.append([bytes(20_000) for _ in range(3_000)][::500])
kept = []
for _ in range(4):
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
before = held()
if "back" in sys.argv:
    memory.give_back_memory()
print(before - held())
"""


def given_back(*how: str) -> int:
    """Megabytes of the 60 that a thread took, of which small parts here and there are still in use."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *how], cwd=root, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_free_memory_between_what_is_kept_goes_back() -> None:
    assert given_back("one", "back") > 20
    assert given_back("one") == 0
