from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Lihu"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415 (registers the checks once apps are loaded)
