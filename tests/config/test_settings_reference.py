from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.config.processes import ROOT, environment

READERS = {"str", "int", "bool", "list", "float", "json", "dict"}
# Not for people to set: the tools' own, and what one part of the program tells another.
INTERNAL = {"DJANGO_SETTINGS_MODULE", "MAKELEVEL", "LIHU_SUPERVISED"}


def _names_read() -> set[str]:
    return {name for path in sorted((ROOT / "config").rglob("*.py")) for name in _names_in(path)} - INTERNAL


def _names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env"), attr=reader), args=[ast.Constant(value=str(name)), *_]
            ) if reader in READERS:
                yield name
            case (
                ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get"),
                    args=[ast.Constant(value=str(name)), *_],
                )
                | ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name)))
            ):
                yield name


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text()
    documented = re.findall(r"^\| `([A-Z_]+)` \|", text, flags=re.MULTILINE)

    assert sorted(documented) == sorted(_names_read())


def test_an_empty_home_is_none() -> None:
    """`LIHU_HOME= make run`, and what a file for containers makes of a variable that is not set."""
    env = {**environment(ROOT, PUBLIC_URL="http://127.0.0.1:8000"), "LIHU_HOME": ""}
    code = "from config import settings; print(settings.LIHU_HOME)"
    answer = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert Path(answer.stdout.strip()) == ROOT / "var"
