from __future__ import annotations

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(
            _("“%(value)s” is not a time zone. Choose one such as Asia/Shanghai."),
            code="time_zone",
            params={"value": value},
        )


@deconstructible
class WebAddressValidator(URLValidator):
    """http and https only: `javascript:` and its kin never become a link."""

    schemes = ["http", "https"]


validate_web_address = WebAddressValidator()
