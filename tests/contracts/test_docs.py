"""What the documentation says is there is there, and what is there is said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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


def test_every_conflict_is_described_and_no_other() -> None:
    source = (ROOT / "scheduling/services/conflicts.py").read_text()
    described = text_of("explanation/conflicts.md")
    grades = {"fatal": "serious", "warning": "warning"}
    found = {(code, grades[severity]) for severity, code in re.findall(r'_Finding\("(\w+)", "(\w+)"', source)}
    assert set(re.findall(r"^\| `(\w+)` \| (\w+) \|", described, re.MULTILINE)) == found


def test_every_column_of_a_csv_is_described() -> None:
    described = text_of("reference/import.md")
    for column in COLUMNS:
        assert f"`{column.replace(' ', '_')}`" in described, column


#: What the frameworks below us say of requests and fields.
OF_FRAMEWORKS = {
    *("parse_error", "not_authenticated", "authentication_failed", "permission_denied", "method_not_allowed"),
    *("not_acceptable", "unsupported_media_type", "null", "empty", "not_a_list", "not_a_dict", "invalid_choice"),
    *("min_length", "max_value", "min_value", "max_digits", "max_decimal_places", "max_whole_digits"),
    *("max_string_length", "null_characters_not_allowed", "surrogate_characters_not_allowed"),
    *("date", "datetime", "overflow"),
}


def codes_of(tree: ast.AST, of_api: bool) -> Iterator[str]:
    """What is written as the code of a problem, and the messages of the API's own fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if name in {"Problem", "ErrorDetail", "ValidationError", "ModelValidationError"}:
                yield from (str(value.value) for value in given if isinstance(value, ast.Constant))
            elif name in {"problem", "plain_problem"} and isinstance(node.args[1:2] and node.args[1], ast.Constant):
                yield node.args[1].value  # type: ignore[attr-defined]  # as just asked
        elif isinstance(node, ast.Assign) and of_api:
            names = {getattr(target, "id", "") for target in node.targets}
            if "default_code" in names and isinstance(node.value, ast.Constant):
                yield str(node.value.value)
            elif "default_error_messages" in names and isinstance(node.value, ast.Dict):
                yield from (str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))


def test_every_error_code_is_described_and_no_other() -> None:
    found = set(OF_FRAMEWORKS)
    for app in OURS:
        for path in (ROOT / app).rglob("*.py"):
            if not {"migrations", "views", "forms.py"} & set(path.relative_to(ROOT / app).parts):
                found |= set(codes_of(ast.parse(path.read_text()), of_api="api" in path.parts))
    rows = re.findall(r"^\| (`.*?`) \|", text_of("reference/errors.md"), re.MULTILINE)
    assert {code for row in rows for code in re.findall(r"`(\w+)`", row)} == found
