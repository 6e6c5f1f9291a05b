from __future__ import annotations

from django.apps import AppConfig


class RegistrationsConfig(AppConfig):
    name = "registrations"

    def ready(self) -> None:
        # Models are not there yet when this module is loaded.
        from accounts.hooks import me_sections  # noqa: PLC0415
        from events import hooks, verbs  # noqa: PLC0415
        from notifications import notices as kinds  # noqa: PLC0415
        from registrations import audience, notices, offers, sections, sources  # noqa: PLC0415
        from registrations.services import event_changes, zones  # noqa: PLC0415

        kinds.register(*notices.KINDS)
        sources.register()
        audience.register()
        hooks.event_page_sections.append(offers.section)
        me_sections.append(sections.my_registrations)
        hooks.dashboard_sections.append(sections.dashboard)
        verbs.SENTENCES.update(sections.SENTENCES)
        hooks.zone_changed.append(zones.keep_wall_clocks)
        hooks.event_changed.append(zones.keep_deadlines)
        hooks.event_changed.append(event_changes.event_changed)
