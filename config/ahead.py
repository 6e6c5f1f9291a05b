"""What every process needs at its first work, read before there are several: they then have it in common."""

from __future__ import annotations

import datetime

from celery import current_app
from django.conf import settings
from django.template import engines
from django.utils import translation

from common import dates


def read_ahead() -> None:
    """The languages' words and dates, what templates are made of, and the way to the queue. Opens no connection."""
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            translation.gettext("Registration")
            dates.day(datetime.date(2027, 3, 1))
    engines.all()
    assert current_app.amqp
