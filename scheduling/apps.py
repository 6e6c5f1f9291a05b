from __future__ import annotations

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    name = "scheduling"

    def ready(self) -> None:
        # Models are not there yet when this module is loaded.
        from events import hooks, verbs  # noqa: PLC0415
        from notifications import notices as kinds  # noqa: PLC0415
        from scheduling import audience, changes, notices, sections, sources  # noqa: PLC0415
        from scheduling.services import zones  # noqa: PLC0415

        kinds.register(*notices.KINDS)
        sources.register()
        audience.register()
        sections.register()
        verbs.SENTENCES.update(sections.SENTENCES)
        hooks.zone_changed.append(zones.keep_wall_clocks)
        hooks.event_changed.append(changes.event_changed)
        hooks.state_changed.append(changes.state_changed)
        hooks.room_uses.append(changes.uses_of_room)
