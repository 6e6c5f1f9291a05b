"""`python -m config.web OPTIONS MODULE:APPLICATION`: granian, which forks its processes after the application was read.

What they have in common, the code above all, is in memory once and not once for each process, and a process that takes
another's place is ready at once.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Final

from granian.cli import entrypoint

from common.memory import share_for_good, share_one_heap

#: Of those that hold others and have come since the last one.
OBJECTS_BEFORE_A_LOOK: Final = 5_000


def read_application(target: str) -> None:
    """With what it says itself (`read_ahead`). Opens nothing: connections and threads are each process's own."""
    module = import_module(target.partition(":")[0])
    # Django is there only now. Its addresses bring in every view, and with them most of the code.
    from django.urls import get_resolver  # noqa: PLC0415

    assert get_resolver().reverse_dict is not None
    if read_ahead := getattr(module, "read_ahead", None):
        read_ahead()
    share_for_good()
    # One request makes some thousand objects, and nearly all go without it: it need not look several times during each.
    gc.set_threshold(OBJECTS_BEFORE_A_LOOK)


if __name__ == "__main__":
    share_one_heap()
    read_application(sys.argv[-1])
    entrypoint()  # type: ignore[no-untyped-call]
