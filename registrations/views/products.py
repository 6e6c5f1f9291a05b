"""Products, made and changed beside the tickets."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by
from registrations.forms import ProductForm
from registrations.models import Product
from registrations.services import products as services


@require_http_methods(["GET", "HEAD", "POST"])
def new_product(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    if not event.quotas.exists():
        messages.info(request, _("A product counts in a quota: first say how many places there are."))
        return redirect("registrations:new_quota", slug=slug)
    form = ProductForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            services.create_product(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The product is there."))
            return redirect("registrations:tickets", slug=slug)
    return render(request, "registrations/organize/product.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = _product(event, pk)
    form = ProductForm(request.POST or None, event=event, thing=found)
    if form.is_valid():
        try:
            services.update_product(product=found, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The product is saved."))
            return redirect("registrations:tickets", slug=slug)
    return render(request, "registrations/organize/product.html", {"event": event, "form": form, "product": found})


@require_http_methods(["GET", "HEAD", "POST"])
def delete_product(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = _product(event, pk)
    problems = []
    if request.method == "POST":
        try:
            services.delete_product(product=found, **by(request))
        except Refusal as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("The product is deleted."))
            return redirect("registrations:tickets", slug=slug)
    title = _("Delete the product “%(name)s”?") % {"name": found.name}
    context = {"event": event, "title": title, "problems": problems, "back": "registrations:tickets"}
    return render(request, "registrations/organize/delete.html", context)


def _product(event: Event, pk: int) -> Product:
    products = Product.objects.select_related("event").prefetch_related("quotas", "ticket_types")
    return get_object_or_404(products, event=event, pk=pk)
