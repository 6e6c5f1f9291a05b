"""A file as importers are asked about it: its bytes, its beginning, and what stands in it, taken apart once for all of them."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import Any, Final

from scheduling.importers import json_text, yaml_text
from scheduling.importers.collecting import Collector
from scheduling.importers.garbled import repaired
from scheduling.importers.reading import decode
from scheduling.importers.sniffing import beginning, is_yaml

_BLANK: Final = "\ufeff \t\r\n"


class SourceFile:
    """`repair`: texts that were decoded twice are to be mended."""

    def __init__(self, data: bytes, *, name: str = "", repair: bool = False) -> None:
        self.data = _mended(data) if repair else data
        self.name = name
        self._repair = repair
        self._warnings: list[tuple[str, str]] = []

    def collector(self, format_: str) -> Collector:
        """One that knows what was said while the file was taken apart."""
        collector = Collector(format_, repair=self._repair)
        for where, reason in self._warnings:
            collector.warn(where, reason)
        return collector

    @cached_property
    def start(self) -> str:
        """The first 4,000 characters; `""` for what is no text."""
        return beginning(self.data)

    @property
    def is_xml(self) -> bool:
        return self.start.lstrip(_BLANK).startswith("<")

    @property
    def is_json(self) -> bool:
        return self.start.lstrip(_BLANK).startswith(("{", "["))

    @property
    def is_yaml(self) -> bool:
        return not self.is_json and not self.is_xml and is_yaml(self.start)

    @property
    def is_zip(self) -> bool:
        return self.data.startswith(b"PK\x03\x04")

    @cached_property
    def document(self) -> Any:
        """What a JSON or YAML file says; None for any other. Raises NotASchedule for a damaged one."""
        if self.is_json:
            return json_text.load(decode(self.data, warn=self._warn))
        if self.is_yaml:
            return yaml_text.load(decode(self.data, warn=self._warn))
        return None

    @cached_property
    def years(self) -> list[str]:
        """Years in the file's addresses, the most frequent first, for dates that have none; its name's decides between them."""
        text = self.data.decode("utf-8", errors="ignore")
        found = Counter(re.findall(r"[/=-](20\d\d)[/-]", text))
        named = re.findall(r"(?<!\d)20\d\d(?!\d)", self.name)
        return sorted({*found, *named}, key=lambda year: (year not in named, -found[year], year))

    def _warn(self, where: str, reason: str) -> None:
        self._warnings.append((where, reason))


def _mended(data: bytes) -> bytes:
    """As a whole, so that what separates names is seen; escaped characters are a `Collector`'s business."""
    try:
        return repaired(data.decode("utf-8")).encode()
    except UnicodeDecodeError:
        return data
