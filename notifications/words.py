"""The words of a mail: plain text with `{placeholders}`, read by an allow-list parser.

`{name}` stands for a value if the kind knows that name; `{{` and `}}` are braces. Everything else in braces is refused when
words are saved, and is literal text if it is met later: nothing here looks at attributes, indexes or formats.

Paragraphs are parted by blank lines; lines that begin with `- ` are a list; a link placeholder alone on its line is a button.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
_BULLET: Final = re.compile(r"^\s*[-*•]\s+")


@dataclass(frozen=True)
class Gap:
    """Where a placeholder's value goes."""

    name: str


Piece = str | Gap


@dataclass(frozen=True)
class Fault:
    """Something in braces that is no placeholder; `text` as written, braces included."""

    text: str
    # A brace without its partner, rather than an unknown name.
    is_stray: bool


@dataclass(frozen=True)
class Line:
    pieces: tuple[Piece, ...]

    @functools.cached_property
    def gaps(self) -> list[str]:
        return [piece.name for piece in self.pieces if isinstance(piece, Gap)]


class BlockKind(Enum):
    PARAGRAPH = "paragraph"
    LIST = "list"
    BUTTON = "button"


@dataclass(frozen=True)
class Block:
    kind: BlockKind
    lines: tuple[Line, ...]


def _tokens(text: str, names: Collection[str]) -> Iterator[Piece | Fault]:
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            yield text[end : match.start()]
        token, name = match.group(), match.group(1)
        if token in ("{{", "}}"):
            yield token[0]
        elif name is not None and name in names:
            yield Gap(name)
        else:
            yield Fault(token, is_stray=name is None)
        end = match.end()
    if end < len(text):
        yield text[end:]


def faults_in(text: str, names: Collection[str]) -> list[Fault]:
    return [token for token in _tokens(text, names) if isinstance(token, Fault)]


def line_of(text: str, names: Collection[str]) -> Line:
    pieces: list[Piece] = []
    for token in _tokens(text, names):
        if isinstance(token, Gap):
            pieces.append(token)
            continue
        literal = token.text if isinstance(token, Fault) else token
        if pieces and isinstance(pieces[-1], str):
            pieces[-1] += literal
        else:
            pieces.append(literal)
    return Line(tuple(pieces))


@functools.lru_cache(maxsize=1024)
def subject_of(text: str, names: frozenset[str]) -> Line:
    return line_of(" ".join(text.split()), names)


@functools.lru_cache(maxsize=1024)
def blocks_of(text: str, names: frozenset[str], links: frozenset[str]) -> tuple[Block, ...]:
    """`links`: the names whose value is an address."""
    blocks: list[Block] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        written = [(_kind_of(line, names, links), line) for line in paragraph.split("\n") if line.strip()]
        for kind, lines in itertools.groupby(written, key=lambda pair: pair[0]):
            parsed = [line_of(_BULLET.sub("", line).strip(), names) for _kind, line in lines]
            if kind is BlockKind.BUTTON:
                blocks += [Block(kind, (line,)) for line in parsed]
            else:
                blocks.append(Block(kind, tuple(parsed)))
    return tuple(blocks)


def _kind_of(line: str, names: frozenset[str], links: frozenset[str]) -> BlockKind:
    if _BULLET.match(line):
        return BlockKind.LIST
    pieces = line_of(line.strip(), names).pieces
    is_button = len(pieces) == 1 and isinstance(pieces[0], Gap) and pieces[0].name in links
    return BlockKind.BUTTON if is_button else BlockKind.PARAGRAPH
