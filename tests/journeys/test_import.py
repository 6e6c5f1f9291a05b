"""An organizer brings a file, sees that it is being read, what it changes, and takes it over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, expect

from events.models import Permission
from tests.browser import check_accessibility, check_fits
from tests.factories import scheduling as make

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.django_db(transaction=True)]

PROGRAMME = b"title,start,duration,room,speakers\nKefir,2027-06-07 09:00,30,Hall,Li Na\nTea,2027-06-07 10:00,30,Hall,\n"


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_file_is_read_looked_at_and_taken_over(
    new_context: Callable[..., BrowserContext], site: str, phone: bool
) -> None:
    event = make.make_event("food")
    client = Client()
    client.force_login(make.make_organizer(event, Permission.EDIT_PROGRAMME))
    context = new_context(phone=phone)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
    page = context.new_page()
    page.goto("/organize/food/import/")
    file = {"name": "programme.csv", "mimeType": "text/csv", "buffer": PROGRAMME}
    page.set_input_files("main input[type=file]", file)
    # Held back, so that there is time to look.
    page.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("status").filter(has_text="being read")).to_be_visible()
    check_accessibility(page)

    page.goto("/organize/food/import/")
    page.set_input_files("main input[type=file]", file)
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("row").filter(has_text="Kefir")).to_contain_text("Li Na")
    check_accessibility(page)
    check_fits(page)
    page.get_by_role("button", name="Take it over").click()
    expect(page.get_by_text("2 sessions added")).to_be_visible()
    assert event.submissions.count() == 2
