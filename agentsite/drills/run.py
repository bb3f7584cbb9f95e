"""Carrying a drill out, to an end that is always written down: by this process, or by its silence."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connections

from agentsite.drills.course import Course, NotInTime, Outcome
from agentsite.drills.crash import strike_worker
from agentsite.drills.decisions import strike_bridge, strike_temporal, strike_web
from agentsite.drills.site import CannotDrill, RunningSite
from reviews.drills.actions import DrillEnded, end_drill
from reviews.drills.models import Drill, DrillKind, DrillState
from reviews.runs.actions import UnknownAgent

logger = logging.getLogger(__name__)
LOOK = 0.2
LAST_WORDS = 0.5
"""Seconds in which a drill whose site ends may still say so."""
SITE_ENDED = "The site was stopped while the drill ran."

Strike = Callable[[Course], Outcome]
STRIKES: dict[DrillKind, Strike] = {
    DrillKind.WORKER: strike_worker,
    DrillKind.BRIDGE: strike_bridge,
    DrillKind.WEB: strike_web,
    DrillKind.TEMPORAL: strike_temporal,
}


def carry_out(drill: Drill, strike: Strike, show: Callable[[str], None]) -> None:
    """Strike, watch, judge; ``drill`` then has its state, verdict and figures."""
    try:
        site = RunningSite(settings.HOME)
        threading.Thread(target=_end_with, args=[site, drill], daemon=True).start()
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
        end_drill(drill, DrillState.INTERRUPTED, "Interrupted at the console.")
    except Exception as error:  # whatever it is, the drill must not seem to go on
        logger.exception("The drill %s broke", drill.id)
        end_drill(drill, DrillState.INTERRUPTED, f"The drill itself broke: {error!r}")
    else:
        state = DrillState.FAILED if outcome.faults else DrillState.PASSED
        end_drill(drill, state, " ".join(outcome.faults) or outcome.verdict, **outcome.figures)


def _end_with(site: RunningSite, drill: Drill) -> None:
    """Nothing of a site may outlive its `up`. What is frozen goes on when this process ends."""
    while site.is_up:
        time.sleep(LOOK)
    last_words = threading.Thread(target=_interrupt, args=[drill], daemon=True)
    last_words.start()
    last_words.join(LAST_WORDS)
    os._exit(1)


def _interrupt(drill: Drill) -> None:
    try:
        end_drill(drill, DrillState.INTERRUPTED, SITE_ENDED)
    finally:
        connections.close_all()
