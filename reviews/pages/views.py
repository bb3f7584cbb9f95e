"""Saving, renaming and deleting one's views of the runs page."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from reviews.pages.edge import PageRequest, page
from reviews.pages.run_filters import Filters
from reviews.runs.models import SavedView
from reviews.runs.views import ViewRefused, delete_view, rename_view, save_view, view_for
from reviews.workspaces.access import Right


@page("POST")
def views(request: PageRequest) -> HttpResponse:
    """``name`` and ``query``; in the address where a deletion is undone."""
    request.viewer.require_anywhere(Right.RUNS_READ)
    said = request.POST if "name" in request.POST else request.GET
    filters = Filters.of(QueryDict(said.get("query", "")))

    def save() -> str:
        view = save_view(request.viewer.account, said.get("name", ""), filters.query)
        return f"The view “{view.name}” is kept."

    return _done(request, filters.address(), save)


@page("POST")
def view_name(request: PageRequest, view_id: uuid.UUID) -> HttpResponse:
    view = view_for(request.viewer.account, view_id)

    def rename() -> str:
        return f"The view is called “{rename_view(view, request.POST.get('name', '')).name}” now."

    return _done(request, address_of(view), rename)


@page("POST")
def view_deletion(request: PageRequest, view_id: uuid.UUID) -> HttpResponse:
    view = view_for(request.viewer.account, view_id)
    undo = f"{reverse('views')}?{urlencode({'name': view.name, 'query': view.query})}"
    delete_view(view)
    messages.success(request, f"The view “{view.name}” is deleted.", extra_tags=undo)
    return redirect("runs")


def address_of(view: SavedView) -> str:
    return f"{reverse('runs')}?{view.query}"


def _done(request: PageRequest, back: str, effect: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, effect())
    except ViewRefused as error:
        messages.warning(request, str(error))
    return redirect(back)
