from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        # Models are not ready when this module loads.
        from accounts.hooks import me_sections  # noqa: PLC0415
        from events import notices, sections  # noqa: PLC0415
        from notifications import origins  # noqa: PLC0415
        from notifications.notices import register  # noqa: PLC0415

        register(notices.TEAM_INVITATION)
        origins.register_lookup(sections.origins)
        me_sections.append(sections.my_events)
