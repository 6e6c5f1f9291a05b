from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import receivers  # noqa: PLC0415
        from notifications.kinds import ACCOUNT_MAIL, CAMPAIGN, ORGANIZERS_MESSAGE  # noqa: PLC0415 (models are not ready when this module loads)
        from notifications.notices import register  # noqa: PLC0415

        register(ACCOUNT_MAIL, ORGANIZERS_MESSAGE, CAMPAIGN)
        receivers.connect()
