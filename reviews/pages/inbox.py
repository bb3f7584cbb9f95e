"""What waits for a person, with the first question open beside the list."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from reviews.escalations.queries import escalation_for
from reviews.pages.case import case_of
from reviews.pages.desk import desk_of
from reviews.pages.edge import PageRequest, page


@page("GET")
def inbox(request: PageRequest) -> HttpResponse:
    desk = desk_of(request)
    first = escalation_for(request.viewer, desk.items[0].id) if desk.items else None
    context = {"desk": desk, "case": case_of(request.viewer, first) if first else None, "beside": True}
    return render(request, "inbox/page.html", context)
