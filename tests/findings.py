"""What axe and Lighthouse found, at the end of every run's output, also when the tests ran in several processes."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

_KEY: Final = "lihu_findings"
#: (page, language, light or dark, violations) for each look of axe.
axe: list[tuple[str, str, str, int]] = []
#: One line for each report of Lighthouse.
lighthouse: list[str] = []


def saw(url: str, *, language: str, scheme: str, violations: int) -> None:
    axe.append((urlsplit(url).path, language, scheme, violations))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = {"axe": axe, "lighthouse": lighthouse}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of pytest-xdist has ended, and hands over what it kept."""
    found = getattr(node, "workeroutput", {}).get(_KEY, {})
    axe.extend(tuple(look) for look in found.get("axe", ()))
    lighthouse.extend(found.get("lighthouse", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lighthouse:
        terminalreporter.section(
            "Lighthouse, phone profile (its performance is asserted by make bench, on a machine at rest)"
        )
        terminalreporter.write("".join(f"{line}\n" for line in sorted(lighthouse)))
    if axe:
        pages = {path for path, _language, _scheme, _violations in axe}
        kinds = Counter(f"{language}, {scheme}" for _path, language, scheme, _violations in axe)
        terminalreporter.section("axe, WCAG 2.2 AA and best practices")
        terminalreporter.write_line(
            f"{len(axe)} looks at {len(pages)} pages ({'; '.join(f'{kind}: {n}' for kind, n in sorted(kinds.items()))}): "
            f"{sum(violations for *_look, violations in axe)} violations"
        )
        for path, language, scheme, violations in axe:
            if violations:
                terminalreporter.write_line(f"{path} ({language}, {scheme}): {violations}", red=True)
