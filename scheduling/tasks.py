from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from events.models import Event
from scheduling.services import agendas, artifacts, printing


@shared_task(name="scheduling.reframe", acks_late=True, ignore_result=True)
def reframe(*, event_id: int, **_newer: object) -> None:
    """Put the event's present name, colour and navigation around its public pages."""
    if event := Event.objects.filter(pk=event_id).first():
        artifacts.reframe(event)


@shared_task(name="scheduling.reframe_stale", acks_late=True, ignore_result=True)
def reframe_stale(**_newer: object) -> None:
    artifacts.reframe_stale()


@shared_task(name="scheduling.sweep_agendas", acks_late=True, ignore_result=True)
def sweep_agendas(**_newer: object) -> None:
    agendas.sweep(now=timezone.now())


@shared_task(name="scheduling.print_programme", acks_late=True, ignore_result=True)
def print_programme(*, schedule_id: int, **_newer: object) -> None:
    printing.print_programme(schedule_id)
