"""SIGHUP: the policy file is read again, and a mistake in it is told in the log and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from adapters.memory.store import MemoryStore
from gateway.backoff import Backoff
from gateway.hangup import Hangup
from gateway.policies import PolicyBook
from gateway.policy_file import parse_policy
from tests.gateway.http.stand import EXAMPLE, Texts, until

NORWAY = EXAMPLE.replace("  DE01:", "  NO01: {currency: NOK}\n  DE01:", 1)


@pytest.fixture
async def book() -> PolicyBook:
    texts = Texts()
    policies = MemoryStore(lambda: 1000.0).clients().policies
    book = PolicyBook(parse_policy(EXAMPLE, "policy.yaml"), policies, Backoff(), texts)
    await book.begin()
    texts.text = NORWAY
    return book


async def test_the_file_is_read_again_once_for_signals_that_come_together(book: PolicyBook) -> None:
    hangup = Hangup(book)
    for _ in range(5):
        hangup()
    await until(lambda: _is(book, NORWAY), 5)
    history = await book.history(before=None, limit=9)
    assert [(each.actor, each.how) for each in history[:-1]] == [("sighup", "reload")]


async def test_a_mistake_is_told_and_another_signal_is_heard(book: PolicyBook) -> None:
    hangup, texts = Hangup(book), book._texts
    assert isinstance(texts, Texts)
    texts.text = NORWAY.replace("NOK", "NOKK")
    with capture_logs() as logs:
        hangup()
        await until(lambda: _told(logs, "policy_not_reloaded"), 5)
    assert "legal_entities.NO01.currency" in str(logs)
    assert await _is(book, EXAMPLE)
    texts.text = NORWAY
    hangup()
    await until(lambda: _is(book, NORWAY), 5)


async def _is(book: PolicyBook, text: str) -> bool:
    await asyncio.sleep(0)
    return book.hash() == parse_policy(text, "x").hash


async def _told(logs: Sequence[object], event: str) -> bool:
    await asyncio.sleep(0)
    return any(isinstance(line, dict) and line["event"] == event for line in logs)
