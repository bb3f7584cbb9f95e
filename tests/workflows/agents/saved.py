"""Histories of runs as they were: what a deployed version did, which every later one has to replay.

``KEEP_HISTORIES=1`` before the agents' tests adds shapes of history that are not kept yet, a few of each workflow.
Nothing is ever written over: a history that replays no more needs ``workflow.patched`` (docs/agents.md), not another
history.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHistory

from tests.workflows.world import World
from workflows.registry import Kit

FOLDER = Path(__file__).parent / "histories"
"""Those of the standard kit."""
MOST = 6
"""Of a workflow; raise it for a version that adds others."""
LARGEST = 100_000
"""Characters; what goes in circles is not kept."""
OF_A_MACHINE = ("identity", "binaryChecksum", "stackTrace")
MADE_BY = re.compile(r"\d+@[\w.-]+")
"""As the SDK names a sticky queue: the process and its host."""
PATH = re.compile(
    r"/(?:home|opt|private|root|srv|tmp|Users|usr|var)/[\w./-]*|File \"[^\"]*|[\w./-]*site-packages"
)
PAYLOAD = re.compile(r'"data":"([\w+/=]+)"')


async def keep(world: World, folder: Path = FOLDER) -> None:
    """Those of the agents that ran in this world, and of their children."""
    if not os.environ.get("KEEP_HISTORIES"):
        return
    for handle in list(world.started):
        described = await handle.describe()
        children = world.client.list_workflows(f"RootWorkflowId = '{handle.id}'")
        for one in [described, *[child async for child in children]]:
            history = await world.client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
            _keep(folder, str(one.workflow_type), _plain(history))


def saved(folder: Path = FOLDER) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def without_history(kit: Kit, folder: Path = FOLDER) -> set[str]:
    """The kit's workflow types of which none is kept."""
    kept = {type_of(path.read_text()) for path in saved(folder).values()}
    return {workflow._Definition.must_from_class(one).name or "" for one in kit.workflows} - kept


def history_of(text: str) -> WorkflowHistory:
    """Under its own workflow id: children are named after it."""
    return WorkflowHistory.from_json(_started(text)["workflowId"], text)


def type_of(text: str) -> str:
    return str(_started(text)["workflowType"]["name"])


def of_a_machine(text: str) -> list[str]:
    """The processes, hosts and paths that a kept history names, in its payloads too."""
    said = "\n".join(
        [text, *(base64.b64decode(one).decode(errors="replace") for one in PAYLOAD.findall(text))]
    )
    attributes: list[str] = [name for name in OF_A_MACHINE if f'"{name}":' in text]
    return [*attributes, *MADE_BY.findall(said), *PATH.findall(said)]


def _started(text: str) -> Any:
    return json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]


def _keep(folder: Path, type: str, history: dict[str, Any]) -> None:
    shape = [_shape(event) for event in history["events"]]
    digest = hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:8]
    path = folder / f"{type}-{digest}.json"
    closed = history["events"][-1]["eventType"].startswith("EVENT_TYPE_WORKFLOW_EXECUTION_")
    text = json.dumps(history, separators=(",", ":"), sort_keys=True) + "\n"
    room = len(text) <= LARGEST and len(list(folder.glob(f"{type}-*.json"))) < MOST
    if closed and room and not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _shape(event: dict[str, Any]) -> list[str]:
    """What a workflow commands and is told, without times and values. Tasks come as the server batches them."""
    attributes = next((value for name, value in event.items() if name.endswith("EventAttributes")), {})
    types = [attributes.get(name, {}).get("name", "") for name in ("activityType", "workflowType")]
    return [event["eventType"], *types, attributes.get("signalName", "")]


def _plain(history: WorkflowHistory) -> dict[str, Any]:
    """Without the names and paths of the machine that made it."""
    kept: dict[str, Any] = _anonymous(json.loads(history.to_json()))
    return kept


def _anonymous(value: Any) -> Any:
    match value:
        case dict():
            return {name: _anonymous(item) for name, item in value.items() if name not in OF_A_MACHINE}
        case list():
            return [_anonymous(item) for item in value]
        case str():
            return MADE_BY.sub("a-worker", value)
        case _:
            return value
