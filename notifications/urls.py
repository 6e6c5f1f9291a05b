from __future__ import annotations

from django.urls import path

from notifications.views import mailbox, provider, unsubscribing

app_name = "notifications"

urlpatterns = [
    path("mail/", mailbox.mailbox, name="mailbox"),
    path("mail/<int:pk>/", mailbox.mail, name="mail"),
    path("mail/<int:pk>/html/", mailbox.mail_html, name="mail_html"),
    path("mail/<int:pk>/source/", mailbox.mail_source, name="mail_source"),
    path("mail/<int:pk>/parts/<int:number>/", mailbox.mail_part, name="mail_part"),
    path("mail/reports/", provider.reports, name="provider_reports"),
    path("mail/unsubscribe/<str:token>", unsubscribing.unsubscribe, name="unsubscribe"),
]
