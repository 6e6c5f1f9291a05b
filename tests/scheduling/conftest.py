from __future__ import annotations

from collections.abc import Iterator

import pytest

from scheduling.services import serving


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """What this process remembers of one test's database must not reach the next."""
    serving.forget_all()
    yield
    serving.forget_all()
