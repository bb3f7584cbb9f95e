"""Tells the site's mirror of an execution that somebody else started: ``python -m bench.adopt WORKFLOW_ID RUN_ID``.

Prints the id of its row.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
    import django

    django.setup()
    from reviews.runs import mirroring
    from workflows.engine.devserver import NAMESPACE

    run = mirroring.adopt(NAMESPACE, *sys.argv[1:3])
    mirroring.moved([run.id])
    print(run.id)


if __name__ == "__main__":
    main()
