"""Writes docs/contract/openapi.json anew: ``python -m tests.contract.renew``."""

from __future__ import annotations

import json
import os
import tempfile

from tests.contract.files import OPENAPI


def openapi_text() -> str:
    """The document as the site serves it, for people's eyes. Needs Django."""
    from reviews.api.api import api

    document = json.loads(json.dumps(api.get_openapi_schema()))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["AGENTSITE_HOME"] = home
        os.environ["DJANGO_SETTINGS_MODULE"] = "agentsite.settings"
        import django

        django.setup()
        OPENAPI.write_text(openapi_text())


if __name__ == "__main__":
    main()
