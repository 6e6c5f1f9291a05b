"""Programs of others that read our files, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.config.processes import ROOT

HERE = Path(__file__).parent


def node(script: str, file: Path) -> Any:
    """What a script of this folder says, as JSON. Dates without a zone are read as UTC."""
    path = os.pathsep.join([str(ROOT / ".venv" / "node" / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        ["node", str(HERE / script), str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "TZ": "UTC"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
