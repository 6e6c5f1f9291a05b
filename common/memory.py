"""What a long-running process holds of the machine's memory. Without effect where the C library is not glibc."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import lru_cache
from typing import Final

#: M_ARENA_MAX of malloc.h.
_ARENA_MAX: Final = -8


def share_one_heap() -> None:
    """One heap for all threads, instead of one for each with holes of its own: ten megabytes less in each web process after a few
    large releases. To be called before there are threads."""
    if choose := _of_c_library("mallopt"):
        choose(_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Hand free memory back to the system: after work that took much of it once. The C library keeps it otherwise, a third of what a
    large release needs. A few milliseconds."""
    if trim := _of_c_library("malloc_trim"):
        trim(0)


def share_for_good() -> None:
    """To be called before the process forks, when all that its children have in common is there: nothing of it will ever be garbage,
    and a collector that looked at it in one of them would copy it there."""
    gc.collect()
    give_back_memory()
    gc.freeze()


@lru_cache
def _of_c_library(name: str) -> Callable[..., int] | None:
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
