"""Django's admin, for accounts and memberships only: everything else has its own pages and its own audit."""

from django.contrib import admin

from reviews.people.models import Account


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "title", "kind", "email", "is_active")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "title", "email")
    fields = ("name", "title", "email", "kind", "is_active")
