"""Every table of the product, listed where Django looks for them."""

from reviews.artifacts.models import Artifact, Blob, Version
from reviews.audit.models import AuditEvent
from reviews.changes.models import Change, ChangeLogStart
from reviews.conversations.models import Conversation, Turn
from reviews.drills.models import Drill, DrillLine
from reviews.escalations.models import Claim, Decision, Delivery, Escalation, Look
from reviews.outbox.models import Bridge, Message
from reviews.people.models import Account, IdempotencyKey, SigninLink, Token
from reviews.runs.models import (
    ActivityLatency,
    ActivityTimeouts,
    AgentType,
    Attempt,
    HistoryChunk,
    MirroredNamespace,
    ModelCall,
    ModelRate,
    Run,
    SavedView,
    Step,
)
from reviews.workspaces.models import Membership, Workspace

__all__ = [
    "Account",
    "ActivityLatency",
    "ActivityTimeouts",
    "AgentType",
    "Artifact",
    "Attempt",
    "AuditEvent",
    "Blob",
    "Bridge",
    "Change",
    "ChangeLogStart",
    "Claim",
    "Conversation",
    "Decision",
    "Delivery",
    "Drill",
    "DrillLine",
    "Escalation",
    "HistoryChunk",
    "IdempotencyKey",
    "Look",
    "Membership",
    "Message",
    "MirroredNamespace",
    "ModelCall",
    "ModelRate",
    "Run",
    "SavedView",
    "SigninLink",
    "Step",
    "Token",
    "Turn",
    "Version",
    "Workspace",
]
