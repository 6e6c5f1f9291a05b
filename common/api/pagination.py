from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


class Pages(PageNumberPagination):
    """`count`, `next`, `previous`, `results`; `page` and `page_size` up to 500, whole numbers from 1."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        wrong = {
            name: [ErrorDetail(_("Write a whole number from 1."), code="invalid")]
            for name in (self.page_query_param, self.page_size_query_param)
            if not _is_counting(request.query_params.get(name, "1"))
        }
        if wrong:
            raise ValidationError(wrong)
        return super().paginate_queryset(queryset, request, view)


def _is_counting(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text[:10]) > 0


class LongPages(Pages):
    """For what is worked out anew for each page, and is rarely long."""

    page_size = Pages.max_page_size
