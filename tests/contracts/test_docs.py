"""What the documentation says is there is there, and what is there is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from notifications.notices import all_kinds
from scheduling.importers.table import COLUMNS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OURS = {"config", "common", "accounts", "notifications", "events", "submissions", "scheduling", "registrations"}


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_index() -> None:
    index = text_of("README.md")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        if name != "README.md" and not name.startswith("decisions/"):
            assert f"({name})" in index, name


def test_every_command_is_described() -> None:
    described = text_of("reference/commands.md")
    for command, app in get_commands().items():
        if app.partition(".")[0] in OURS:
            assert f"### {command}" in described, command


def test_every_mail_is_described() -> None:
    described = text_of("reference/mails.md")
    for kind in all_kinds():
        if kind.code.startswith("sample_"):
            continue  # an imagined app's, of the tests
        assert f"| `{kind.code}` |" in described, kind.code


def test_every_conflict_is_described() -> None:
    source = (ROOT / "scheduling/services/conflicts.py").read_text()
    described = text_of("explanation/conflicts.md")
    for severity, code in re.findall(r'severity="(\w+)",\s+code="(\w+)"', source):
        grade = {"fatal": "serious", "warning": "warning"}[severity]
        assert f"| `{code}` | {grade} |" in described, code


def test_every_column_of_a_csv_is_described() -> None:
    described = text_of("reference/import.md")
    for column in COLUMNS:
        assert f"`{column.replace(' ', '_')}`" in described, column
