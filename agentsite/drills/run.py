"""Carrying a drill out, to an end that is always written down: by this process, or by its silence."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from django.conf import settings

from agentsite.drills.course import Course, NotInTime, Outcome
from agentsite.drills.crash import strike_worker
from agentsite.drills.decisions import strike_bridge, strike_temporal, strike_web
from agentsite.drills.site import CannotDrill, RunningSite
from reviews.drills.actions import DrillEnded, end_drill
from reviews.drills.models import Drill, DrillKind, DrillState
from reviews.runs.actions import UnknownAgent

logger = logging.getLogger(__name__)
LOOK = 0.2
LAST_WORDS = 0.7
"""Seconds in which a drill whose site ends may still say so. What it froze goes on whatever becomes of it."""
AT_THE_CONSOLE = "Interrupted at the console."
SITE_ENDED = "The site was stopped while the drill ran."

Strike = Callable[[Course], Outcome]
STRIKES: dict[DrillKind, Strike] = {
    DrillKind.WORKER: strike_worker,
    DrillKind.BRIDGE: strike_bridge,
    DrillKind.WEB: strike_web,
    DrillKind.TEMPORAL: strike_temporal,
}


def carry_out(drill: Drill, strike: Strike, show: Callable[[str], None]) -> None:
    """Strike, watch, judge; ``drill`` then has its state, verdict and figures. For the main thread."""
    try:
        site = RunningSite(settings.HOME)
    except CannotDrill as error:
        end_drill(drill, DrillState.INTERRUPTED, str(error))
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    threading.Thread(target=_end_with, args=[site], daemon=True).start()
    try:
        outcome = strike(Course(drill, site, show))
    except DrillEnded:
        drill.refresh_from_db()
    except NotInTime as error:
        end_drill(drill, DrillState.FAILED, str(error))
    except CannotDrill as error:
        end_drill(drill, DrillState.INTERRUPTED, str(error))
    except UnknownAgent as error:
        end_drill(drill, DrillState.INTERRUPTED, f"No worker registered the agent {error} here.")
    except KeyboardInterrupt:
        end_drill(drill, DrillState.INTERRUPTED, AT_THE_CONSOLE if site.is_up else SITE_ENDED)
    except Exception as error:  # whatever it is, the drill must not seem to go on
        logger.exception("The drill %s broke", drill.id)
        end_drill(drill, DrillState.INTERRUPTED, f"The drill itself broke: {error!r}")
    else:
        state = DrillState.FAILED if outcome.faults else DrillState.PASSED
        end_drill(drill, state, " ".join(outcome.faults) or outcome.verdict, **outcome.figures)


def _end_with(site: RunningSite) -> None:
    """Nothing of a site may outlive its `up`: the drill is interrupted, and has a moment to write that down."""
    while site.is_up:
        time.sleep(LOOK)
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGTERM)
    time.sleep(LAST_WORDS)
    os._exit(1)
