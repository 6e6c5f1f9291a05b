"""The organizer's pages about an event's mail: reminders, words, outbox. Below organize/<slug>/."""

from __future__ import annotations

from django.urls import path

from events.views import mail_templates, messages, reminders

urlpatterns = [
    path("reminders/", reminders.rules, name="rules"),
    path("reminders/timeline/", reminders.timeline, name="timeline"),
    path("reminders/new/", reminders.new_rule, name="new_rule"),
    path("reminders/<int:pk>/", reminders.rule, name="rule"),
    path("reminders/<int:pk>/delete/", reminders.delete_rule, name="delete_rule"),
    path("reminders/<int:pk>/test/", reminders.test_rule, name="test_rule"),
    path("mail-templates/", mail_templates.mail_templates, name="mail_templates"),
    path("mail-templates/<str:kind>/", mail_templates.mail_template, name="mail_template"),
    path("mail-templates/<str:kind>/preview/", mail_templates.preview, name="mail_preview"),
    path("mail-templates/<str:kind>/reset/", mail_templates.reset, name="reset_mail_template"),
    path("mail-templates/<str:kind>/test/", mail_templates.test, name="test_mail_template"),
    path("messages/", messages.messages, name="messages"),
    path("messages/<int:pk>/", messages.message, name="message"),
    path("messages/<int:pk>/html/", messages.message_html, name="message_html"),
    path("messages/<int:pk>/cancel/", messages.cancel, name="cancel_message"),
    path("messages/<int:pk>/retry/", messages.retry, name="retry_message"),
]
