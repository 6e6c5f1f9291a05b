from __future__ import annotations

from django.apps import AppConfig


class SubmissionsConfig(AppConfig):
    name = "submissions"

    def ready(self) -> None:
        # Models are not there yet when this module is loaded.
        from events import hooks, verbs  # noqa: PLC0415
        from submissions import sections  # noqa: PLC0415

        hooks.dashboard_sections.append(sections.dashboard)
        verbs.SENTENCES.update(sections.SENTENCES)
