"""What waits for a person, with the first question open beside the list."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from reviews.escalations.queries import escalation_for
from reviews.pages.case import case_of
from reviews.pages.desk import Desk, desk_of
from reviews.pages.edge import PageRequest, page


@page("GET")
def inbox(request: PageRequest) -> HttpResponse:
    desk = desk_of(request)
    first = escalation_for(request.viewer, desk.items[0].id) if desk.items else None
    context = {
        "desk": desk,
        "case": case_of(request.viewer, first, query=_beside(desk)) if first else None,
        "beside": True,
    }
    return render(request, "inbox/_desk.html" if request.htmx else "inbox/page.html", context)


@page("GET")
def waiting(request: PageRequest) -> HttpResponse:
    """How many wait, for the frame of every page."""
    return render(request, "components/inbox_link.html")


def _beside(desk: Desk) -> str:
    """The question stands in the inbox itself, and not at its own address."""
    return f"{desk.query}&beside=1" if desk.query else "?beside=1"
