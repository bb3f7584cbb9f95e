"""`manage.py web`: HTTP and WebSockets, one process."""

import json
import os
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

from agentsite.signin import signin_path


class Command(BaseCommand):
    help = "Serve HTTP and WebSockets at HOST (127.0.0.1) and PORT (8000)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--signin-link",
            metavar="NAME",
            help="first print a one-time path that signs NAME in; used by `up`",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["signin_link"]:
            path = signin_path(options["signin_link"])
            self.stdout.write(json.dumps({"reached": "signin", "path": path}))
        uvicorn.run(
            "agentsite.asgi:application",
            host=os.environ.get("HOST") or "127.0.0.1",
            port=int(os.environ.get("PORT") or "8000"),
            lifespan="auto",
            # Behind a proxy of yours: FORWARDED_ALLOW_IPS names whose headers are believed.
            proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
            timeout_graceful_shutdown=3,
            ws_max_size=64 * 1024,
            access_log=False,
            log_config=None,
            log_level="warning",
        )
