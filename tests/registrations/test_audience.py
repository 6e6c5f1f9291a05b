from __future__ import annotations

import pytest

from events.models import Event
from notifications.audiences import find_audience
from tests.factories.registrations import make_choice, make_question

pytestmark = pytest.mark.django_db


def test_people_can_be_chosen_by_what_they_answered_from_a_list(event: Event) -> None:
    make_choice(event, "meals", ("all", "vegan"))
    make_question(event, "visa", "yes_no")
    make_question(event, "diet", "text")

    audience = find_audience("registrations")
    assert audience is not None
    offered = {each.name: each.choices for each in audience.filters(event.pk) if each.name.startswith("answer.")}

    assert offered == {
        "answer.meals": (("all", "All"), ("vegan", "Vegan")),
        "answer.visa": (("true", "Yes"), ("false", "No")),
    }
