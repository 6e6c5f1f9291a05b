from __future__ import annotations

from http import HTTPStatus

import pytest
from django.test import Client

from accounts import hooks
from accounts.hooks import MeSection
from accounts.models import Person, User
from common.models import AuditEntry
from tests.factories.accounts import make_person, make_user
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

PROFILE = {
    "name": "Lin Wei",
    "native_name": "林薇",
    "name_order": "surname_first",
    "affiliation": "Jiangnan University",
    "country": "CN",
    "orcid": "0000-0002-1825-0097",
    "language": "zh-hans",
    "time_zone": "Asia/Shanghai",
}


@pytest.mark.parametrize("url", ["/me/", "/me/profile/", "/me/security/"])
def test_ones_own_pages_ask_strangers_to_sign_in(client: Client, attendee: User, as_user: AsUser, url: str) -> None:
    answer = client.get(url)
    assert answer["Location"] == f"/accounts/login/?next={url}"
    mine = as_user(attendee).get(url)
    assert mine.status_code == HTTPStatus.OK
    assert "private" in mine["Cache-Control"]


def test_a_profile_is_kept_for_account_and_person(attendee: User, as_user: AsUser) -> None:
    client = as_user(attendee)
    answer = client.post("/me/profile/", PROFILE)
    assert answer["Location"] == "/me/profile/"
    assert answer.cookies["lihu_language"].value == "zh-hans"
    attendee.refresh_from_db()
    assert (attendee.name, attendee.language, attendee.time_zone) == ("Lin Wei", "zh-hans", "Asia/Shanghai")
    person = Person.objects.get()
    assert (person.user, person.name, person.native_name, person.email) == (
        attendee,
        "Lin Wei",
        "林薇",
        "attendee@example.org",
    )
    assert (person.country.code, person.orcid) == ("CN", "0000-0002-1825-0097")
    entry = AuditEntry.objects.get(verb="profile_changed")
    assert entry.actor == attendee
    assert "native_name" in entry.details["fields"]


def test_a_profile_asks_for_the_family_name_as_registrations_do(attendee: User, as_user: AsUser) -> None:
    client = as_user(attendee)
    client.post("/me/profile/", {**PROFILE, "family_name": "Lin"})
    assert Person.objects.get().family_name == "Lin"
    assert 'value="Lin"' in client.get("/me/profile/").content.decode()
    refused = client.post("/me/profile/", {**PROFILE, "family_name": "Wang"})
    assert list(refused.context["form"].errors) == ["family_name"]
    assert Person.objects.get().family_name == "Lin"


def test_saving_the_same_profile_again_writes_nothing(attendee: User, as_user: AsUser) -> None:
    client = as_user(attendee)
    client.post("/me/profile/", PROFILE)
    client.post("/me/profile/", PROFILE)
    assert AuditEntry.objects.filter(verb="profile_changed").count() == 1


def test_a_profile_takes_over_the_person_of_ones_address_and_no_other(as_user: AsUser) -> None:
    mine = make_person("L. Wei", email="lin@example.org")
    others = make_person("Somebody", email="other@example.org")
    as_user(make_user("lin@example.org")).post("/me/profile/", PROFILE)
    mine.refresh_from_db()
    others.refresh_from_db()
    assert (mine.name, others.name, others.user) == ("Lin Wei", "Somebody", None)


def test_an_address_that_is_not_proved_takes_over_nobody(as_user: AsUser) -> None:
    theirs = make_person("Somebody", email="lin@example.org")
    as_user(make_user("lin@example.org", verified=False)).post("/me/profile/", PROFILE)
    theirs.refresh_from_db()
    assert (theirs.name, theirs.user) == ("Somebody", None)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Fill this in."),
        ("name", "x" * 201, "Shorten this to 200 characters"),
        ("native_name", "a\tb", "must fit on one line"),
        ("native_name", "\x1b[31m", "control character (U+001B)"),
        ("affiliation", "x" * 301, "Shorten this to 300 characters"),
        ("country", "XX", "not one of the available choices"),
        ("orcid", "0000", "Write the 16 characters"),
        ("language", "xx", "not one of the available choices"),
        ("time_zone", "Mars/Olympus", "not one of the available choices"),
    ],
)
def test_a_bad_profile_is_explained_and_kept_in_the_form(
    attendee: User, as_user: AsUser, field: str, value: str, words: str
) -> None:
    answer = as_user(attendee).post("/me/profile/", {**PROFILE, field: value})
    page = answer.content.decode()
    assert answer.status_code == HTTPStatus.OK
    assert words in page
    assert "林薇" in page or field == "native_name"
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    "name", ["عمر خالد", "Zoë \u202eevil", "👩🏽‍🔬", "<script>alert(1)</script>", "e\u0301\u0301\u0301"]
)
def test_names_are_shown_as_typed_and_never_as_markup(attendee: User, as_user: AsUser, name: str) -> None:
    client = as_user(attendee)
    client.post("/me/profile/", {**PROFILE, "name": name, "language": "en"})
    attendee.refresh_from_db()
    assert attendee.name == name
    assert "<script>alert" not in client.get("/me/").content.decode()


def test_apps_above_show_their_part(attendee: User, as_user: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    section: MeSection = {
        "title": "My registrations",
        "rows": [{"title": "Food Days", "url": "/food/", "detail": "7 June", "badge": "confirmed", "tone": "success"}],
        "empty": "",
    }
    monkeypatch.setattr(hooks, "me_sections", [lambda user, request: section, lambda user, request: None])
    page = as_user(attendee).get("/me/").content.decode()
    assert "My registrations" in page
    assert 'href="/food/"' in page
