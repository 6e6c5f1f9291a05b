"""What is written by hand must read back the same through the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import mime

NASTY = [
    "Plain words",
    "蠡湖会议：您的报告即将开始" * 8,
    "تذكير بمحاضرتك 🥚 " * 12,
    "👩‍🔬" * 60,
    "=?utf-8?B?ZXZpbA==?=",
    "A\r\nBcc: victim@example.org",
    "A\nB\rC\0D\u2028E\x85F",
    "word " * 90 + "end",
    "x" * 500,
    "  two  spaces  ",
    'Quote " and \\ and , and <x@y>',
    "\ud800 half a pair",
    "",
]


def parsed(header: str) -> EmailMessage:
    message = email.message_from_bytes(header.encode() + b"\r\n\r\nbody", policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def as_one_line(text: str) -> str:
    return " ".join(mime.one_line(text).split())


@pytest.mark.parametrize("text", NASTY)
def test_subject_reads_back_and_stays_one_header(text: str) -> None:
    header = mime.unstructured("Subject", text)

    message = parsed(header)
    assert message.keys() == ["Subject"]
    assert message.get_payload().strip() == "body"
    raw = email.message_from_string(header, policy=email.policy.compat32)["Subject"]
    assert as_one_line(str(make_header(decode_header(raw.replace("\r\n", ""))))) == as_one_line(text)
    assert all(len(line) <= 998 for line in header.split("\r\n"))
    assert header.isascii()


@given(st.text(max_size=300))
def test_any_subject_reads_back(text: str) -> None:
    header = mime.unstructured("Subject", text)
    assert parsed(header).keys() == ["Subject"]
    assert all(not line or line.startswith(("Subject:", " ")) for line in header.split("\r\n"))
    for line in header.split("\r\n"):
        assert "=?" not in line or len(line) <= 90


@pytest.mark.parametrize("name", NASTY)
def test_name_of_a_mailbox_cannot_add_addresses(name: str) -> None:
    message = parsed(f"To: {mime.mailbox(name, 'mei@example.org')}")

    assert message.keys() == ["To"]
    (address,) = message["To"].addresses
    assert address.addr_spec == "mei@example.org"
    # The old parser: the new one of some Pythons puts a space between encoded words of a name.
    raw = email.message_from_string(f"To: {mime.mailbox(name, 'mei@example.org')}", policy=email.policy.compat32)["To"]
    shown, _address = parseaddr(raw.replace("\r\n", ""))
    assert as_one_line(str(make_header(decode_header(shown)))) == as_one_line(name)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=2000))
def test_any_body_reads_back(text: str) -> None:
    part = mime.Part(content_type="text/plain; charset=utf-8", body=text)
    message = email.message_from_bytes(part.lines(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)

    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert message.get_payload(decode=True).decode().replace("\r\n", "\n") in (expected, expected + "\n")
    assert all(len(line) <= 998 for line in part.lines().split(b"\r\n"))


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("mei@example.org", "mei@example.org"),
        ("mei@蠡湖.example", "mei@xn--n7w336c.example"),
        ("梅@example.org", "梅@example.org"),
    ],
)
def test_domain_is_written_as_servers_know_it(address: str, written: str) -> None:
    assert mime.ascii_address(address) == written
