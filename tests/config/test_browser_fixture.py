from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests import browser


@pytest.mark.browser
@pytest.mark.django_db
def test_pages_open_at_the_size_of_a_desktop_and_of_a_phone(page: Page, phone: Page) -> None:
    page.goto("/accounts/login/")
    phone.goto("/accounts/login/")

    assert page.evaluate("window.innerWidth") == browser.DESKTOP["width"]
    assert phone.evaluate("window.innerWidth") == browser.PHONE["width"]
