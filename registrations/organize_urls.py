"""The organizer's pages, below `organize/EVENT/`."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from common.codes import CODE_PATTERN
from registrations.views import imports, organize, products, questions, segments, statistics, tickets

_CODE = rf"(?P<code>{CODE_PATTERN})"

organize_urls: list[URLPattern] = [
    path("tickets/", tickets.tickets, name="tickets"),
    path("tickets/new/", tickets.new_ticket, name="new_ticket"),
    path("tickets/<int:pk>/", tickets.ticket, name="ticket_type"),
    path("tickets/<int:pk>/delete/", tickets.delete_ticket, name="delete_ticket"),
    path("products/new/", products.new_product, name="new_product"),
    path("products/<int:pk>/", products.product, name="product"),
    path("products/<int:pk>/delete/", products.delete_product, name="delete_product"),
    path("quotas/new/", tickets.new_quota, name="new_quota"),
    path("quotas/<int:pk>/", tickets.quota, name="quota"),
    path("quotas/<int:pk>/delete/", tickets.delete_quota, name="delete_quota"),
    path("questions/", questions.questions, name="questions"),
    path("questions/order/", questions.order, name="order_questions"),
    path("questions/preview/", questions.preview, name="preview_question"),
    path("questions/copy/", questions.copy, name="copy_questions"),
    path("questions/sections/new/", questions.new_section, name="new_section"),
    path("questions/sections/<int:section>/", questions.section, name="section"),
    path("questions/sections/<int:section>/delete/", questions.delete_section, name="delete_section"),
    path("questions/new/", questions.new_question, name="new_question"),
    path("questions/<int:pk>/", questions.question, name="question"),
    path("questions/<int:pk>/delete/", questions.delete_question, name="delete_question"),
    path("questions/<int:pk>/restore/", questions.restore_question, name="restore_question"),
    path("questions/<int:pk>/duplicate/", questions.duplicate_question, name="duplicate_question"),
    path("registrations/", organize.registrations, name="registrations"),
    re_path(r"^registrations/export\.(?P<kind>csv|xlsx)$", organize.registrations_file, name="registrations_file"),
    path("registrations/new/", organize.add, name="add"),
    path("registrations/segments/", segments.save, name="save_segment"),
    path("registrations/segments/<int:pk>/delete/", segments.delete, name="delete_segment"),
    path("registrations/import/", imports.upload, name="import"),
    path("registrations/import/template.<str:kind>", imports.template, name="import_template"),
    path("registrations/numbers/", statistics.overview, name="statistics"),
    re_path(
        r"^registrations/numbers/(?P<code>[a-z0-9-]+)\.(?P<kind>csv|xlsx)$", statistics.table, name="statistics_table"
    ),
    re_path(rf"^registrations/{_CODE}/$", organize.detail, name="detail"),
    re_path(rf"^registrations/{_CODE}/files/(?P<reference>[A-Za-z0-9_-]+)/$", organize.file, name="organize_file"),
    re_path(rf"^registrations/{_CODE}/edit/$", organize.edit, name="edit"),
    re_path(rf"^registrations/{_CODE}/move/$", organize.move, name="move"),
    re_path(rf"^registrations/{_CODE}/payments/$", organize.record_payment, name="record_payment"),
    re_path(rf"^registrations/{_CODE}/cancel/$", organize.cancel, name="cancel_for"),
    re_path(rf"^registrations/{_CODE}/approve/$", organize.approve, name="approve"),
    re_path(rf"^registrations/{_CODE}/reject/$", organize.reject, name="reject"),
]
