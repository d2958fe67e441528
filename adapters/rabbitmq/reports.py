"""What the broker's connections tell whoever watches them: one record per change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What changed."""

    CONNECTED = "broker_connected"
    DISCONNECTED = "broker_disconnected"
    UNREACHABLE = "broker_unreachable"
    """An attempt to connect failed; the next one follows."""
    SILENT = "broker_silent"
    """It is connected and does not answer: frozen, or overloaded."""
    ANSWERING = "broker_answering"
    CONSUMING = "broker_consuming"
    CONSUMER_LOST = "broker_consumer_lost"
    PUBLISHER_REFUSED = "broker_publisher_refused"
    """The broker closed the publishing channel, and said why: an exchange is missing, or a permission."""
    DELIVERY_FAILED = "broker_delivery_failed"
    """Taking a delivery raised: a bug of ours. Its channel is closed, so the broker delivers again."""


@dataclass(frozen=True, slots=True)
class Report:
    """`subject` is the name of the connection or of the queue; `reason` is plain and holds no secret."""

    change: Change
    subject: str
    reason: str
    error: BaseException | None = None


Reporter = Callable[[Report], None]
"""Called on the event loop; must neither block nor raise."""
