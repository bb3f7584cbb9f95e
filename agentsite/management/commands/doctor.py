"""`manage.py doctor`: is everything there that the site needs, and if not, what to do."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from agentsite.checks import CHECKS


class Command(BaseCommand):
    help = "Check the database, Temporal, workers, model, storage and disk; exit 1 when something is wrong."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        ill = [name for name in CHECKS if not self._examine(name)]
        sys.exit(1 if ill else 0)

    def _examine(self, name: str) -> bool:
        try:
            seen = CHECKS[name]()
        except Exception as error:  # noqa: BLE001 (what a check did not foresee is a finding too)
            self._report(self.style.ERROR("fail"), name, str(error) or type(error).__name__)
            return False
        self._report(self.style.SUCCESS("ok  "), name, seen)
        return True

    def _report(self, verdict: str, name: str, words: str) -> None:
        self.stdout.write(f"{verdict}  {name:<10}{' '.join(words.split())}")
