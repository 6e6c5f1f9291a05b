"""What the style guide at /design/ shows. A page for developers: its words are not translated."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms  # noqa: TID251 (the example of a form)
from django.core.paginator import Paginator
from django.http import HttpRequest  # noqa: TID251 (named in types only)

from common.forms import Form, LocalizedField

#: The names that an event's colour may have; `events.models.ACCENTS` gives them to people, static/css/lihu.css to screens.
ACCENTS = ("lake", "teal", "green", "olive", "amber", "orange", "red", "rose", "plum", "violet", "indigo", "blue")


class ExampleForm(Form):
    name = forms.CharField(label="Your name", help_text="As written in your passport.", max_length=200)
    email = forms.EmailField(label="E-mail address", help_text="Your ticket goes there.")
    affiliation = forms.CharField(label="University or company", required=False)
    title = LocalizedField(label="Title of your talk", locales=["en", "zh-hans"], required=False)
    ticket = forms.ChoiceField(
        label="Ticket",
        choices=[("p", "Participant, free"), ("s", "Student, free; bring your card")],
        widget=forms.RadioSelect,
    )
    meals = forms.MultipleChoiceField(
        label="What do you eat?",
        choices=[("v", "Vegetarian"), ("h", "Halal"), ("n", "No nuts")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    country = forms.ChoiceField(label="Country", choices=[("", "Choose"), ("cn", "China"), ("uy", "Uruguay")])
    arrives = forms.DateField(label="Day of arrival")
    nights = forms.IntegerField(label="Nights on campus", min_value=0, required=False)
    message = forms.CharField(label="Anything else", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    consent = forms.BooleanField(
        label="Other attendees may see my name", help_text="You can change this later.", required=False
    )


def style_guide(request: HttpRequest) -> dict[str, Any]:
    accent = request.GET.get("accent", "lake")
    rows = [
        {"name": "Ada Lovelace", "ticket": "Participant", "state": "Confirmed", "tone": "success", "fee": "¥0"},
        {"name": "李华", "ticket": "Student", "state": "Waiting", "tone": "warning", "fee": "¥0"},
        {
            "name": "José Ñandú-O’Brien",
            "ticket": "Participant",
            "state": "Cancelled",
            "tone": "danger",
            "fee": "¥1,280",
        },
    ]
    return {
        "accent": accent if accent in ACCENTS else "lake",
        "accents": [(name, name.capitalize()) for name in ACCENTS],
        "form": ExampleForm({"name": "Ada Lovelace", "email": "ada@", "nights": "-1", "ticket": "p"}),
        "starts_on": date(2027, 6, 7),
        "ends_on": date(2027, 6, 9),
        "now": datetime(2027, 6, 7, 1, 0, tzinfo=UTC),
        "tz": ZoneInfo("Asia/Shanghai"),
        "tabs": [
            {"label": "All", "url": "?#lists", "count": 312, "active": True},
            {"label": "Confirmed", "url": "?#lists", "count": 305, "active": False},
            {"label": "Waiting", "url": "?#lists", "count": 7, "active": False},
        ],
        "rows": rows,
        "page": Paginator(range(312), 50).get_page(request.GET.get("page")),
        "steps": [
            {"label": "Details", "done": True, "url": "?#pieces"},
            {"label": "Programme", "current": True},
            {"label": "Registration"},
        ],
    }
