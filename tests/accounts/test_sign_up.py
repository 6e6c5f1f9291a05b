from __future__ import annotations

import re
import threading
from http import HTTPStatus

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.factories.accounts import PASSWORD, make_person, make_user

FORM = {"name": "Ada Lovelace", "email": "ada@example.org", "password1": PASSWORD}


def code_in(message: mail.EmailMessage) -> str:
    found = re.search(r"^[A-Z0-9-]{4,12}$", str(message.body), re.MULTILINE)
    assert found, message.body
    return found[0]


def sign_up(client: Client, **changes: str) -> object:
    return client.post("/accounts/signup/", {**FORM, **changes})


@pytest.mark.django_db
def test_an_account_begins_with_a_code_that_was_mailed(client: Client) -> None:
    answer = client.post("/accounts/signup/", FORM, headers={"accept-language": "zh-CN"})
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["Location"] == "/accounts/confirm-email/"
    user = User.objects.get()
    assert (user.name, user.email, user.language) == ("Ada Lovelace", "ada@example.org", "zh-hans")
    assert user.password.startswith("argon2")
    assert client.get("/me/").status_code == HTTPStatus.FOUND

    answer = client.post("/accounts/confirm-email/", {"code": code_in(mail.outbox[0])})
    assert answer["Location"] == "/me/"
    assert answer.cookies["lihu_language"].value == "zh-hans"
    assert EmailAddress.objects.get().verified
    assert client.get("/me/").status_code == HTTPStatus.OK


@pytest.mark.django_db
def test_the_way_to_where_one_came_from_survives_sign_up(client: Client) -> None:
    sign_up(client, next="/organize/new/")
    answer = client.post("/accounts/confirm-email/", {"code": code_in(mail.outbox[0])})
    assert answer["Location"] == "/organize/new/"


@pytest.mark.django_db
@pytest.mark.parametrize("bad", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"])
def test_the_way_on_never_leads_to_another_site(client: Client, bad: str) -> None:
    make_user("ada@example.org", password=PASSWORD)
    answer = client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD, "next": bad})
    assert answer["Location"] == "/me/"


@pytest.mark.django_db
def test_a_known_address_cannot_be_told_from_a_new_one(client: Client) -> None:
    make_user("ada@example.org")
    known = sign_up(client)
    unknown = sign_up(Client(), email="new@example.org")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])  # type: ignore[attr-defined]
    to_owner, to_new = mail.outbox
    assert to_owner.to == ["ada@example.org"]
    assert to_owner.subject == "You have an account at Lihu already"
    assert "/accounts/password/reset/" in to_owner.body
    assert to_new.subject.endswith("is your code for your new account at Lihu")
    page, other_page = client.get("/accounts/confirm-email/"), Client().get("/accounts/confirm-email/")
    assert page.status_code == HTTPStatus.OK
    assert other_page.status_code == HTTPStatus.FOUND
    assert User.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_asking_for_a_code_says_nothing_about_an_address(client: Client, address: str) -> None:
    make_user("ada@example.org", password=PASSWORD)
    known = client.post(address, {"email": "ada@example.org"})
    unknown = Client().post(address, {"email": "nobody@example.org"})
    assert known.status_code == unknown.status_code == HTTPStatus.FOUND
    assert known["Location"] == unknown["Location"]
    to_owner, to_nobody = mail.outbox
    assert to_owner.to == ["ada@example.org"]
    assert "is your code" in to_owner.subject
    assert to_nobody.to == ["nobody@example.org"]
    assert to_nobody.subject == "There is no account at Lihu with this address"


@pytest.mark.django_db
def test_a_wrong_password_says_nothing_about_an_address(client: Client) -> None:
    make_user("ada@example.org", password=PASSWORD)
    pages = [
        client.post("/accounts/login/", {"login": login, "password": "not-the-password"}).content.decode()
        for login in ("ada@example.org", "nobody@example.org")
    ]
    words = "The email address and/or password you specified are not correct."
    assert [words in page for page in pages] == [True, True]


@pytest.mark.django_db
def test_a_code_by_mail_signs_in_in_the_language_of_the_account(client: Client) -> None:
    make_user("ada@example.org", language="zh-hans")
    client.post("/accounts/login/code/", {"email": "Ada@Example.org"})
    answer = client.post("/accounts/login/code/confirm/", {"code": code_in(mail.outbox[0])})
    assert answer["Location"] == "/me/"
    assert answer.cookies["lihu_language"].value == "zh-hans"


@pytest.mark.django_db
def test_a_new_password_is_set_by_a_code_and_told(client: Client) -> None:
    user = make_user("ada@example.org", password=PASSWORD)
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    client.post("/accounts/password/reset/confirm/", {"code": code_in(mail.outbox[0])})
    client.post("/accounts/password/reset/complete/", {"password1": "brand-new-2027", "password2": "brand-new-2027"})
    user.refresh_from_db()
    assert user.check_password("brand-new-2027")
    assert [message.subject for message in mail.outbox[1:]] == ["Your password at Lihu was reset"]


@pytest.mark.django_db
def test_somebody_who_registered_before_finds_it_under_the_new_account(client: Client) -> None:
    person = make_person("A. Lovelace", email="Ada@example.org")
    sign_up(client)
    person.refresh_from_db()
    assert person.user is None  # the address is not proved yet
    client.post("/accounts/confirm-email/", {"code": code_in(mail.outbox[0])})
    person.refresh_from_db()
    assert person.user == User.objects.get()
    assert person.name == "A. Lovelace"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "line\nbreak"),
        ("name", "bell\x07"),
        ("name", "nul\x00"),
        ("email", "no address"),
        ("email", "x" * 250 + "@example.org"),
        ("email", "a@example.org\nbcc: b@example.org"),
        ("password1", "short"),
        ("password1", "password123"),
    ],
)
def test_a_bad_sign_up_is_explained_and_makes_nothing(client: Client, field: str, value: str) -> None:
    answer = sign_up(client, **{field: value})
    assert answer.status_code == HTTPStatus.OK  # type: ignore[attr-defined]
    assert "There is a problem" in answer.content.decode()  # type: ignore[attr-defined]
    assert not User.objects.exists()
    assert not mail.outbox


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["李华", "عمر خالد", "👩‍🔬 Ada", "<b>Ada</b>", "{{ 7*7 }} {name}", "O’Brien; DROP TABLE"]
)
def test_names_are_kept_as_typed(client: Client, name: str) -> None:
    sign_up(client, name=name)
    assert User.objects.get().name == name


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_makes_one_account() -> None:
    answers: list[int] = []
    barrier = threading.Barrier(2)

    def send() -> None:
        barrier.wait()
        try:
            answers.append(Client().post("/accounts/signup/", FORM).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [HTTPStatus.FOUND, HTTPStatus.FOUND]
    assert User.objects.count() == 1
