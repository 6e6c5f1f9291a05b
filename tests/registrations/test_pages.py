"""Registering as an attendee does: one form, one link in a mail."""

from __future__ import annotations

import json
import re
from typing import Any

import icalendar
import pytest
from django.test import Client
from django.utils.html import escape
from i18nfield.strings import LazyI18nString

from accounts.models import User
from events.models import Event
from notifications.models import Message
from registrations.models import Registration
from tests.data import shared
from tests.factories.registrations import cancel, make_choice, make_question, make_ticket, register
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

ADDRESS = "/food-2027/register/"


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept-language": "en"})


def form_of(client: Client) -> dict[str, str]:
    """The form's hidden fields."""
    text = client.get(ADDRESS).content.decode()
    return {"token": re.findall(r'name="token" value="([^"]+)"', text)[0]}


def send(client: Client, ticket: Any, address: str = ADDRESS, **values: Any) -> Any:
    filled = {"ticket_type": ticket.pk, "name": "Ada Lovelace", "email": "ada@example.org", "language": "en"}
    return client.post(address, {**form_of(client), **filled, **values})


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("seats", [0, 9])
@pytest.mark.parametrize("name", ["Ada Lovelace", 'O\'Brien <b>&amp;</b> "{{ x }}"', "王小明 \\1 \\g<0> %s"])
def test_ones_own_page_made_of_one_that_is_kept_is_as_if_made_whole(
    event: Event, language: str, seats: int, name: str
) -> None:
    make_question(event, "position")
    ticket = make_ticket(event, seats)
    client = Client(headers={"accept-language": language})
    register(ticket, name="First")
    others = {"email": "a+b&c@example.org", "native_name": name, "affiliation": name, "answers": {"position": name}}
    own = register(ticket, name=name, **others).get_absolute_url()
    kept, whole = (client.get(own + query).content.decode() for query in ("", f"?lang={language}"))
    assert str(escape(name)) in kept
    assert re.search(r'<a href="/food-2027/register/"[^>]* aria-current="page"', kept)
    assert without_addresses(kept) == without_addresses(whole)


def without_addresses(page: str) -> str:
    """But for links to the same page in other languages, and tokens."""
    return re.sub(r'(?<=href=")[^"]*lang=[^"]*|(?<=name="csrfmiddlewaretoken" value=")[^"]*', "", page)


def test_whoever_registers_sees_the_ticket_and_gets_a_mail(client: Client, event: Event) -> None:
    make_choice(event, "meals", is_required=True)
    ticket = make_ticket(event)
    answer = send(client, ticket, answer_meals="vegan", native_name="愛達", affiliation="江南大学", country="CN")
    registration = Registration.objects.get()
    assert answer["Location"] == registration.get_absolute_url()
    text = client.get(answer["Location"]).content.decode()
    for shown in ("Ada Lovelace", registration.code, "ticket.svg", "calendar.ics", "Food Science Days 2027"):
        assert shown in text
    message = Message.objects.get()
    assert (message.kind, message.recipient_email) == ("registration_confirmed", "ada@example.org")
    assert [answer.value for answer in registration.answers.all()] == ["vegan"]


def test_what_is_around_ones_own_page_is_kept_and_what_is_in_it_is_not(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    ada, fang = (register(ticket, name=name).get_absolute_url() for name in ("Ada Lovelace", "Wang Fang"))

    def main(page: str) -> tuple[str, str]:
        before, rest = page.split('<main id="main"', 1)
        inside, after = rest.split("</main>", 1)
        return inside, before + after

    ada_in, ada_around = main(client.get(ada).content.decode())
    fang_in, fang_around = main(client.get(fang).content.decode())
    assert ada_around == fang_around
    assert "Ada Lovelace" in ada_in
    assert "Ada Lovelace" not in fang_in
    # What can be done with it is kept, too, but for the address.
    for inside, own, other in ((ada_in, ada, fang), (fang_in, fang, ada)):
        assert f'href="{own}cancel/"' in inside
        assert f'href="{own}erase/"' in inside
        assert other not in inside
    # Another language, a query to keep, and a message that is for one look only.
    assert '<html lang="zh-hans"' in Client(headers={"accept-language": "zh-cn"}).get(fang).content.decode()
    assert "from=mail&amp;lang=zh-hans" in client.get(f"{ada}?from=mail").content.decode()
    said = "Your registration is cancelled"
    assert said in client.post(f"{ada}cancel/", follow=True).content.decode()
    assert said not in client.get(ada).content.decode()
    # What the event is called now.
    Event.objects.filter(pk=event.pk).update(name=LazyI18nString({"en": "Tea Days"}))
    assert "Tea Days" in main(client.get(fang).content.decode())[1]


def test_the_ticket_is_a_qr_code_and_the_calendar_a_calendar(client: Client, event: Event) -> None:
    registration = register(make_ticket(event))
    base = registration.get_absolute_url()
    picture = client.get(f"{base}ticket.svg")
    assert picture["Content-Type"].startswith("image/svg+xml")
    assert picture.content.startswith(b'<svg xmlns="http://www.w3.org/2000/svg"')
    response = client.get(f"{base}calendar.ics")
    assert response["Content-Type"].startswith("text/calendar")
    (entry,) = icalendar.Calendar.from_ical(response.content).walk("VEVENT")
    assert entry["SUMMARY"] == "Food Science Days 2027"


def test_a_half_filled_form_survives_an_error_and_a_change_of_language(client: Client, event: Event) -> None:
    make_question(event, "diet", is_required=True)
    ticket = make_ticket(event)
    answer = send(client, ticket, email="not an address", affiliation="Lab <1>", native_name="愛達")
    text = answer.content.decode()
    assert answer.status_code == 200
    for kept in ('value="Ada Lovelace"', 'value="not an address"', 'value="Lab &lt;1&gt;"', 'value="愛達"'):
        assert kept in text
    typed = {"affiliation": "Lab <1>", "answer_diet": "no nuts", "switch": "zh-hans"}
    switched = send(client, ticket, f"{ADDRESS}?lang=zh-hans", **typed).content.decode()
    for kept in ('value="Ada Lovelace"', 'value="Lab &lt;1&gt;"', 'value="no nuts"'):
        assert kept in switched
    assert '<html lang="zh-hans"' in switched
    assert not Registration.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "nul\x00byte"),
        ("name", "bell\x07"),
        ("name", "two\nlines"),
        ("email", "a@b"),
        ("email", "x" * 250 + "@example.org"),
        ("email", "two@example.org, three@example.org"),
        ("ticket_type", "999999"),
        ("ticket_type", "1 OR 1=1"),
        ("country", "XX"),
        ("language", "tlh"),
        ("affiliation", "y" * 301),
        ("answer_meals", "meat-from-another-form"),
    ],
)
def test_bad_input_is_answered_beside_its_field_and_writes_nothing(
    client: Client, event: Event, field: str, value: str
) -> None:
    make_choice(event, "meals")
    answer = send(client, make_ticket(event), **{field: value})
    assert answer.status_code == 200
    assert "form-errors" in answer.content.decode()
    assert not Registration.objects.exists()


def test_nasty_words_are_stored_and_shown_as_typed_or_refused(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    strings = [text for text in json.loads(shared("nasty/blns.json").read_text()) if text]
    kept = 0
    for number, text in enumerate(strings[:250]):
        answer = send(client, ticket, name=text, email=f"n{number}@example.org")
        assert answer.status_code in {200, 302}, text
        if answer.status_code == 302:
            registration = Registration.objects.get(email=f"n{number}@example.org")
            # Blanks around a name are nobody's name.
            assert registration.name == text.strip()
            assert escape(registration.name) in client.get(answer["Location"]).content.decode()
            kept += 1
    assert kept > 200


@pytest.mark.parametrize(
    "name", ["مريم عبد الله", "ชื่อภาษาไทย", "Zoë 👩🏽‍🔬", "Nguyễn Thị Hồng", "e\u0301a\u0308", "𠮷野家", "\u200fעברית"]
)
def test_names_in_every_script_come_back_as_typed(client: Client, event: Event, name: str) -> None:
    answer = send(client, make_ticket(event), name=name)
    assert Registration.objects.get().name == name
    assert name in client.get(answer["Location"]).content.decode()


def test_the_same_form_sent_twice_is_one_registration(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    filled = {**form_of(client), "ticket_type": ticket.pk, "name": "Ada", "email": "ada@example.org", "language": "en"}
    first, second = client.post(ADDRESS, filled), client.post(ADDRESS, filled)
    assert first["Location"] == second["Location"]
    assert Registration.objects.count() == 1
    assert Message.objects.count() == 1


def test_a_form_filled_in_again_for_a_colleague_is_another_registration(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    filled = {**form_of(client), "ticket_type": ticket.pk, "name": "Ada", "language": "en"}
    first = client.post(ADDRESS, {**filled, "email": "ada@example.org"})
    second = client.post(ADDRESS, {**filled, "email": "bo@example.org"})
    assert first["Location"] != second["Location"]
    assert Registration.objects.count() == 2


def test_nobody_learns_who_is_registered_but_the_owner_gets_a_mail(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    register(ticket, "ada@example.org")
    answer = send(client, ticket, email="ADA@example.org")
    assert answer["Location"] == "/food-2027/register/sent/"
    assert "ada@example.org" not in client.get(answer["Location"]).content.decode()
    assert Message.objects.filter(kind="registered_already", recipient_email="ada@example.org").count() == 1
    assert Registration.objects.count() == 1


def test_full_with_a_waiting_list_says_so_and_full_without_offers_nothing(client: Client, event: Event) -> None:
    waiting, closed = make_ticket(event, 1), make_ticket(event, 1, waiting_list=False)
    register(waiting)
    register(closed)
    text = client.get(ADDRESS).content.decode()
    assert "Full: join the waiting list" in text
    answer = send(client, closed, email="late@example.org")
    assert answer.status_code == 200
    assert not Registration.objects.filter(email="late@example.org").exists()
    answer = send(client, waiting, email="late@example.org")
    page = client.get(answer["Location"]).content.decode()
    assert Registration.objects.get(email="late@example.org").state == "waiting"
    assert "ticket.svg" not in page


def test_before_it_opens_and_after_it_closes_there_is_no_form(client: Client, event: Event) -> None:
    make_ticket(event, available_from="2027-05-20T09:00:00+08:00")
    make_ticket(event, available_until="2020-01-01T09:00:00+08:00")
    text = client.get(ADDRESS).content.decode()
    assert 'name="email"' not in text
    assert "Opens" in text


def test_the_link_in_the_mail_changes_and_cancels(client: Client, event: Event) -> None:
    make_question(event, "diet")
    ticket = make_ticket(event, 1)
    registration, waiting = register(ticket, name="Ada"), register(ticket)
    base = registration.get_absolute_url()
    values = {"name": "Ada L.", "native_name": "", "affiliation": "", "country": "", "language": "zh-hans"}
    assert client.post(f"{base}change/", {**values, "answer_diet": "halal"})["Location"] == base
    registration.refresh_from_db()
    assert (registration.name, registration.language) == ("Ada L.", "zh-hans")
    assert client.get(f"{base}cancel/").status_code == 200
    assert client.post(f"{base}cancel/").status_code == 302
    for row in (registration, waiting):
        row.refresh_from_db()
    assert (registration.state, waiting.state) == ("cancelled", "confirmed")
    assert client.post(f"{base}cancel/").status_code in {200, 302}


@pytest.mark.parametrize("path", ["", "change/", "cancel/", "ticket.svg", "calendar.ics"])
def test_a_wrong_secret_opens_nothing(client: Client, event: Event, path: str) -> None:
    registration = register(make_ticket(event))
    assert client.get(registration.get_absolute_url() + path).status_code == 200
    wrong = f"/food-2027/registrations/{registration.code}/{'x' * len(registration.secret)}/{path}"
    assert client.get(wrong).status_code == 404
    elsewhere = registration.get_absolute_url().replace("food-2027", "elsewhere-2027") + path
    assert client.get(elsewhere).status_code == 404


def test_a_registration_is_kept_by_no_cache_and_found_by_no_search_engine(client: Client, event: Event) -> None:
    registration = register(make_ticket(event))
    response = client.get(registration.get_absolute_url())
    assert "no-store" in response["Cache-Control"]
    assert "noindex" in response.headers.get("X-Robots-Tag", "") + response.content.decode()
    assert response["Referrer-Policy"] == "same-origin"


def test_a_program_that_fills_in_everything_gets_nothing(client: Client, event: Event) -> None:
    answer = send(client, make_ticket(event), website="https://spam.example")
    assert answer["Location"] == "/food-2027/register/sent/"
    assert not Registration.objects.exists()


def test_what_is_known_is_not_asked_again(as_user: AsUser, attendee: User, event: Event) -> None:
    make_ticket(event)
    text = as_user(attendee).get(ADDRESS).content.decode()
    assert 'value="María José Núñez"' in text
    assert 'value="attendee@example.org"' in text


def test_own_registrations_stand_on_ones_own_page(as_user: AsUser, attendee: User, event: Event) -> None:
    from allauth.account.models import EmailAddress  # noqa: PLC0415

    EmailAddress.objects.update_or_create(
        user=attendee, email=attendee.email, defaults={"verified": True, "primary": True}
    )
    registration = register(make_ticket(event), attendee.email)
    cancel(register(make_ticket(event), "else@example.org"))
    text = as_user(attendee).get("/me/").content.decode()
    assert registration.get_absolute_url() in text
    assert text.count("/registrations/") == 1


def test_registering_works_without_redis(client: Client, event: Event, settings: Any) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    answer = send(client, make_ticket(event))
    assert answer.status_code == 302
    assert Message.objects.get().state == "queued"
