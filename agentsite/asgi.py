"""The web process: Django behind ASGI, with the lifespan that long-lived parts need."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()
