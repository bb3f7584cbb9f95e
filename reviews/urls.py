"""Every address of the product."""

from django.urls import include, path

from reviews.api.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("reviews.pages.urls")),
]
