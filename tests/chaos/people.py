"""What people did about cases with a topic on real servers, for the checker, and what the policy tried again by itself.

Each act is traced to what caused it: a row of the acts on a case, or an activation of a policy and a case. No act has
an order towards another one, as any process may take it, so each counts as a source of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.people import SOURCE
from tests.checker.content import content, raw
from tests.checker.evidence import Published

Row = Mapping[str, Any]
"""A row of a table, by the names of its columns."""
POLICY: Final = "policy"
"""Who it is that tries again by itself."""


@dataclass(frozen=True, slots=True)
class Caused:
    """An act that was to be done: `entity` and `key` say of whom, `cause` why it is one act, `said` what it says.

    `is_answered`: whoever did it was told what came of it, so it must have arrived.
    """

    entity: str
    key: str
    cause: str
    said: Mapping[str, Any]
    is_answered: bool

    @property
    def id(self) -> str:
        """The id that its message must have."""
        parts = (self.entity, self.key, self.said["by"], self.cause)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    @property
    def type(self) -> str:
        """The type of its message: version 1 says nothing of what was seen."""
        return f"{self.entity}.acted.v{2 if 'seen' in self.said else 1}"

    def is_said_by(self, body: bytes) -> bool:
        """Whether a message says this act, to whom it concerns."""
        event = json.loads(body)
        to = (event["type"], event["subject"])
        return to == (self.type, self.key) and event["data"] == dict(self.said)


def own_source(id: str) -> str:
    """The source that an act counts for."""
    return f"{SOURCE} {id}"


def said_by_people(
    inbox: Iterable[Row], acts: Iterable[Row], cases: Iterable[Row], activations: Iterable[Row]
) -> Iterator[Published]:
    """The acts that stand in the inbox and have a cause there, and those that were answered and do not stand."""
    bodies = {row["event_id"]: row["body"] for row in inbox if row["source"] == SOURCE}
    of_topic = {case["id"]: case for case in cases if case["topic"] is not None}
    for caused in (*_by_people(acts, of_topic), *_by_policy(activations, of_topic)):
        id, body = caused.id, bodies.get(caused.id)
        stands = body is not None and caused.is_said_by(body)
        if stands or caused.is_answered:
            digest = content(body) if stands and body is not None else raw(json.dumps(caused.said).encode())
            yield Published(
                own_source(id), id, f"{caused.entity}/{caused.key}", caused.type, digest, digest, 0,
                is_confirmed=caused.is_answered,
            )  # fmt: skip


def _by_people(acts: Iterable[Row], of_topic: Mapping[int, Row]) -> Iterator[Caused]:
    for act in acts:
        case = of_topic.get(act["case_id"])
        if case is not None:
            said = {
                "topic": case["topic"], "act": act["act"], "by": act["actor"], "roles": list(act["roles"]),
                "reason": act["reason"],
            }  # fmt: skip
            if act["changes"] is not None:
                said["changes"] = json.loads(act["changes"])
            if act["seen"] is not None:
                said["seen"] = act["seen"]
            is_answered = act["outcome"] in ("done", "ignored")
            yield Caused(case["entity"], case["id_of_key"], f"case-{case['id']}-act-{act['id']}", said, is_answered)


def _by_policy(activations: Iterable[Row], of_topic: Mapping[int, Row]) -> Iterator[Caused]:
    """Which cases stood open then, and in which version, is not known, so none of these must have arrived."""
    for activation in activations:
        reason = f"policy {activation['hash']} is in force: {activation['reason']}"
        for case in of_topic.values():
            said = {"topic": case["topic"], "act": "retry", "by": POLICY, "roles": [], "reason": reason}
            for version in range(1, case["version"] + 1):
                cause = f"{activation['id']}/{case['id']}/{version}"
                yield Caused(case["entity"], case["id_of_key"], cause, said, is_answered=False)
