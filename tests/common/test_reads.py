"""Rows that are read past Django's own queries are what these read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db.models import Model
from pytest_django import DjangoAssertNumQueries

from common.reads import Rows, read
from events.models import Event
from registrations.models import Answer, Quota, Registration
from tests.factories.registrations import make_question, make_ticket, register

pytestmark = pytest.mark.django_db


def values(row: Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_they_are_as_django_reads_them(event: Event, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_question(event, "meals")
    ticket = make_ticket(event, price=Decimal("12.50"))
    registration = register(ticket, answers={"meals": "50 % rice, “王芳”; DROP"}, country="CN")
    with django_assert_num_queries(1):
        registrations, answers, none = read(
            Rows(Registration, "event_id = %s AND code = %s", [event.pk, registration.code]),
            Rows(Answer, "registration_id = %s ORDER BY id", [registration.pk]),
            Rows(Quota, "id = %s", [0]),
        )
    assert [values(row) for row in registrations] == [values(Registration.objects.get())]
    assert [values(row) for row in answers] == [values(Answer.objects.get())]
    assert registrations[0].ticket_price == Decimal("12.50")
    assert answers[0].value == "50 % rice, “王芳”; DROP"
    assert none == []


def test_they_can_be_changed_and_saved(event: Event) -> None:
    register(make_ticket(event))
    ((registration,),) = read(Rows(Registration, "event_id = %s", [event.pk]))
    registration.affiliation = "Tea University"
    registration.save()
    assert Registration.objects.get().affiliation == "Tea University"
