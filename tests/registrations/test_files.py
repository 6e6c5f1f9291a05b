"""Files as answers: what they are is told from their content, nobody but those concerned reads them, and nothing is left lying."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from common.problems import Invalid
from events.models import Event
from registrations.models import AnswerFile, Question, Registration
from registrations.services import answers, places
from registrations.services.registering import CannotRegister
from registrations.sniffing import file_type_of
from tests.factories.registrations import NOW, PDF, PNG, a_file, make_question, make_ticket, register, send_file
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

ADDRESS = "/food-2027/register/"


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def proof(event: Event) -> Question:
    return make_question(event, "proof", "file", settings={"file_types": ["pdf", "png"], "max_megabytes": 1})


def zipped(*names: str, mimetype: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (PDF, "pdf"),
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0" + b"x" * 40 + b"\xff\xd9", "jpg"),
        (zipped("[Content_Types].xml", "word/document.xml"), "docx"),
        (zipped("content.xml", mimetype="application/vnd.oasis.opendocument.text"), "odt"),
        (zipped("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), None),
        (zipped("a.exe"), None),
        (PDF[:20], None),
        (b"<html><script>alert(1)</script>%PDF-1.7 %%EOF", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", None),
        (b"MZ\x90\x00", None),
        (b"PK\x03\x04 not really", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, code: str | None) -> None:
    found = file_type_of(content)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("card.pdf", b"<html>hello</html>", "file_type"),
        ("card.pdf", PNG, "file_disguised"),
        ("card.html", PDF, "file_disguised"),
        ("card.docx", zipped("[Content_Types].xml", "word/document.xml"), "file_type"),
        ("card.pdf", b"", "file_empty"),
        ("card.pdf", PDF + b" " * 1024 * 1024 + PDF, "file_too_large"),
    ],
)
def test_what_is_not_what_it_claims_is_refused_and_not_stored(
    proof: Question, media: Path, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        send_file(proof, name, content)
    (problem,) = refusal.value.problems
    assert (problem.code, problem.field) == (code, "file")
    assert problem.fix
    assert not [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.pdf", "C:\\Users\\me\\card.pdf", "x" * 300 + ".pdf", "\u202efdp.exe.pdf"]
)
def test_the_name_is_for_people_and_no_path(proof: Question, media: Path, name: str) -> None:
    file = send_file(proof, name)
    assert not set(file.name) & set("/\\\u202e")
    assert len(file.name) <= 200
    assert file.name.endswith(".pdf")
    (stored,) = [path for path in media.rglob("*") if path.is_file()]
    assert stored.suffix == ""
    assert "passwd" not in stored.name


def test_only_the_owner_and_organizers_read_a_file_and_it_runs_nowhere(
    event: Event, as_user: AsUser, organizer: User, stranger: User, reviewer: User, client: Client
) -> None:
    registration = register(make_ticket(event))
    file = a_file(registration)
    own = f"{registration.get_absolute_url()}files/{file.reference}/"
    organized = f"/organize/food-2027/registrations/{registration.code}/files/{file.reference}/"
    for somebody, address in ((client, own), (as_user(organizer), organized)):
        response = somebody.get(address)
        assert response.content == PDF
        assert response["Content-Disposition"].startswith("attachment")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert "no-store" in response["Cache-Control"]
    other = register(make_ticket(event))
    assert client.get(f"{other.get_absolute_url()}files/{file.reference}/").status_code == 404
    assert as_user(organizer).get(organized.replace(registration.code, other.code)).status_code == 404
    assert as_user(stranger).get(organized).status_code == 404
    assert as_user(reviewer).get(organized).status_code in {403, 404}
    assert client.get(organized).status_code == 302


def test_a_file_answers_its_own_question_and_one_registration(event: Event, proof: Question) -> None:
    ticket = make_ticket(event)
    file, elsewhere = send_file(proof), send_file(make_question(event, "other", "file"))
    register(ticket, answers={"proof": file.reference})
    for reference in (file.reference, elsewhere.reference, "nothing", "../x"):
        with pytest.raises((CannotRegister, Invalid)):
            register(ticket, answers={"proof": reference})


def test_a_file_that_is_replaced_or_never_used_is_swept_after_a_day(event: Event, proof: Question, media: Path) -> None:
    first, second, unused = (send_file(proof) for _ in range(3))
    row = register(make_ticket(event), answers={"proof": first.reference})
    later = NOW + timedelta(hours=23)
    places.change_registration(
        registration=row, changes={"answers": {"proof": second.reference}}, actor=None, now=later
    )
    assert answers.sweep_files(now=later) == 0
    assert answers.sweep_files(now=NOW + timedelta(hours=25)) == 1
    assert set(AnswerFile.objects.all()) == {first, second}
    assert answers.sweep_files(now=later + timedelta(hours=25)) == 1
    assert answers.sweep_files(now=later + timedelta(hours=25)) == 0
    assert set(AnswerFile.objects.all()) == {second}
    assert len([path for path in media.rglob("*") if path.is_file()]) == 1
    assert default_storage.exists(second.file.name)
    assert not default_storage.exists(unused.file.name)


def test_a_public_form_does_not_fill_the_disk(proof: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_UNATTACHED", 2 * len(PDF))
    send_file(proof)
    send_file(proof)
    with pytest.raises(Invalid) as refusal:
        send_file(proof)
    assert refusal.value.problems[0].code == "too_many_files"


def test_a_file_survives_an_error_elsewhere_in_the_form(client: Client, event: Event, proof: Question) -> None:
    ticket = make_ticket(event)
    values: dict[str, Any] = {"token": "t", "ticket_type": ticket.pk, "name": "Ada", "language": "en"}
    upload = SimpleUploadedFile("card.pdf", PDF)
    answer = client.post(ADDRESS, {**values, "email": "nobody", "answer_proof": upload})
    text = answer.content.decode()
    file = AnswerFile.objects.get()
    assert "card.pdf" in text
    assert f'value="{file.reference}"' in text
    answer = client.post(ADDRESS, {**values, "email": "ada@example.org", "kept_proof": file.reference})
    row = Registration.objects.get()
    assert answer["Location"] == row.get_absolute_url()
    file.refresh_from_db()
    assert (file.registration, row.answers.get().value) == (row, file.reference)
    page = client.get(row.get_absolute_url()).content.decode()
    assert f"files/{file.reference}/" in page


def test_the_api_takes_a_file_and_names_it_as_an_answer(client: Client, event: Event, proof: Question) -> None:
    base = "/api/v1/events/food-2027/"
    sent = client.post(f"{base}files/", {"question": "proof", "file": SimpleUploadedFile("card.pdf", PDF)})
    assert sent.status_code == 201, sent.content
    reference = sent.json()["id"]
    body = {
        "ticket_type": make_ticket(event).pk,
        "name": "A",
        "email": "a@example.org",
        "answers": {"proof": reference},
    }
    made = client.post(f"{base}registrations/", body, content_type="application/json").json()
    assert made["answers"] == {"proof": reference}
    got = client.get(f"{base}registrations/{made['code']}/files/{reference}/?secret={made['secret']}")
    assert got.content == PDF
    assert client.get(f"{base}registrations/{made['code']}/files/{reference}/?secret=x").status_code == 404
    wrong = client.post(f"{base}files/", {"question": "proof", "file": SimpleUploadedFile("card.pdf", PNG)})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "file_disguised")
    missing = client.post(f"{base}files/", {"question": "nothing", "file": SimpleUploadedFile("card.pdf", PDF)})
    assert missing.json()["code"] == "unknown_question"
