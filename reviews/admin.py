"""Django's admin, for accounts and memberships only: everything else has its own pages and its own audit."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from reviews.people import actions as people
from reviews.people.models import Account


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "title", "kind", "email", "is_active")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "title", "email")
    fields = ("name", "title", "email", "kind", "is_active")

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change:
            people.rights_changed(obj.id)
