from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        from events import notices  # noqa: PLC0415 (models are not ready when this module loads)
        from notifications.notices import register  # noqa: PLC0415

        register(notices.TEAM_INVITATION)
