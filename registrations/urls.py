from __future__ import annotations

from django.urls import include, path

from registrations.organize_urls import organize_urls
from registrations.views import agendas, groups, own_data, public

app_name = "registrations"

_own = [
    path("", public.registration, name="registration"),
    path("change/", public.change, name="change"),
    path("cancel/", public.cancel, name="cancel"),
    path("files/<str:reference>/", public.file, name="file"),
    path("offer/", public.answer_offer, name="answer_offer"),
    path("products/", public.change_products, name="change_products"),
    path("ticket.svg", public.ticket, name="ticket"),
    path("calendar.ics", public.calendar, name="calendar"),
    path("agenda/", agendas.agenda, name="agenda"),
    path("data.json", own_data.download, name="own_data"),
    path("erase/", own_data.erase, name="erase"),
]

urlpatterns = [
    path("organize/<slug:slug>/", include(organize_urls)),
    path("<slug:slug>/register/", public.register, name="register"),
    path("<slug:slug>/register/sent/", public.sent, name="sent"),
    path("<slug:slug>/register/group/", groups.register_group, name="register_group"),
    path("<slug:slug>/register/group/<str:token>/", groups.group, name="group"),
    path("<slug:slug>/registrations/erased/", own_data.erased, name="erased"),
    path("<slug:slug>/registrations/<str:code>/<str:secret>/", include(_own)),
]
