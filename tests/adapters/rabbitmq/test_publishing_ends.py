"""Publishing when the library ends a call with something else than its own errors."""

from __future__ import annotations

from typing import cast

import pytest
from aiormq.abc import AbstractChannel

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Change, Report


class _Ending:
    """A channel whose calls end as aiormq's do when a connection is lost at a bad moment."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def basic_publish(self, *_: object, **__: object) -> None:
        raise self._error


class _OnChannel(RabbitPublishing):
    """Publishes on a channel that it is given."""

    given: AbstractChannel

    async def _ready_channel(self) -> AbstractChannel:
        return self.given


@pytest.mark.parametrize(
    "error", [Exception("Connection closed"), RuntimeError("no channel"), OSError("reset")], ids=repr
)
async def test_whatever_a_call_ends_with_its_message_is_published_again(error: Exception) -> None:
    reports: list[Report] = []
    publishing = _OnChannel("amqp://127.0.0.1:1", report=reports.append)
    publishing.given = cast("AbstractChannel", _Ending(error))
    message = Outgoing("events", "key", b"{}", "application/json", {}, message_id="m1")
    assert await publishing.publish([message]) == [Published.REFUSED]
    expected = [] if isinstance(error, OSError) else [(Change.PUBLISHER_REFUSED, str(error))]
    assert [(report.change, report.reason) for report in reports] == expected
