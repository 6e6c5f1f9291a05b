from __future__ import annotations

from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """`count`, `next`, `previous`, `results`; `page` and `page_size` up to 500."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500


class LongPages(Pages):
    """For what is worked out anew for each page, and is rarely long."""

    page_size = Pages.max_page_size
