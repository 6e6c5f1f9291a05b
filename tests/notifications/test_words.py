from __future__ import annotations

import pytest

from notifications.words import BlockKind, Gap, blocks_of, faults_in, line_of

NAMES = frozenset({"name", "link"})


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello {name}!", ("Hello ", Gap("name"), "!")),
        ("{{name}}", ("{name}",)),
        ("{{{name}}}", ("{", Gap("name"), "}")),
        # Everything that another template language would run is text here.
        ("{name.__class__}", ("{name.__class__}",)),
        ("{name[0]}", ("{name[0]}",)),
        ("{name!r}", ("{name!r}",)),
        ("{name:>10}", ("{name:>10}",)),
        ("{ name }", ("{ name }",)),
        ("{}", ("{}",)),
        ("{0}", ("{0}",)),
        ("{{ ''.__class__ }}", ("{ ''.__class__ }",)),
        ("{% if %}", ("{% if %}",)),
        ("a } b {", ("a } b {",)),
        ("", ()),
    ],
)
def test_only_names_in_braces_are_placeholders(text: str, pieces: tuple[object, ...]) -> None:
    assert line_of(text, NAMES).pieces == pieces


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("Hello {name}, {{braces}}", []),
        ("{name.__init__}", [("{name.__init__}", False)]),
        ("{price} }", [("{price}", False), ("}", True)]),
    ],
)
def test_faults_are_found_for_who_writes(text: str, faults: list[tuple[str, bool]]) -> None:
    assert [(fault.text, fault.is_stray) for fault in faults_in(text, NAMES)] == faults


def test_paragraphs_lists_and_buttons() -> None:
    text = "Hello {name},\r\nwelcome.\r\n\r\n- one\n* two\nafter the list\n\n{link}\nor {link}\n\n\n\n"

    blocks = blocks_of(text, NAMES, frozenset({"link"}))

    assert [(block.kind, len(block.lines)) for block in blocks] == [
        (BlockKind.PARAGRAPH, 2),
        (BlockKind.LIST, 2),
        (BlockKind.PARAGRAPH, 1),
        (BlockKind.BUTTON, 1),
        (BlockKind.PARAGRAPH, 1),
    ]


def test_two_paragraphs_stay_two() -> None:
    assert len(blocks_of("one\n\ntwo\n \nthree", NAMES, frozenset())) == 3
