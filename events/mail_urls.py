"""The organizer's pages about an event's mail: reminders, words, outbox. Below organize/<slug>/."""

from __future__ import annotations

from django.urls import path

from events.views import campaigns, mail_templates, messages, reminders

urlpatterns = [
    path("mail/", campaigns.campaigns, name="campaigns"),
    path("mail/new/", campaigns.new_campaign, name="new_campaign"),
    path("mail/reach/", campaigns.reach, name="campaign_reach"),
    path("mail/preview/", campaigns.preview_words, name="preview_campaign_words"),
    path("mail/campaigns/<int:pk>/", campaigns.campaign, name="campaign"),
    path("mail/campaigns/<int:pk>/edit/", campaigns.edit_campaign, name="edit_campaign"),
    path("mail/campaigns/<int:pk>/preview/", campaigns.preview_campaign, name="preview_campaign"),
    path("mail/campaigns/<int:pk>/progress/", campaigns.progress, name="campaign_progress"),
    path("mail/campaigns/<int:pk>/test/", campaigns.test, name="test_campaign"),
    path("mail/campaigns/<int:pk>/send/", campaigns.send, name="send_campaign"),
    path("mail/campaigns/<int:pk>/pause/", campaigns.pause, name="pause_campaign"),
    path("mail/campaigns/<int:pk>/resume/", campaigns.resume, name="resume_campaign"),
    path("mail/campaigns/<int:pk>/cancel/", campaigns.cancel, name="cancel_campaign"),
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
