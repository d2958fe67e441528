"""`tallystick publish`: events from files to RabbitMQ, confirmed, with a progress bar on a terminal."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from itertools import islice
from typing import Final

import click
import uvloop

from adapters.ports.broker import Topology
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Change, Report
from adapters.rabbitmq.topology import EVENTS
from gateway.backoff import Backoff
from gateway.cli.ahead import Ahead
from gateway.cli.events_file import STDIN, read_files
from gateway.cli.options import JSON, amqp_option, no_dry_run, output_option, required_broker
from gateway.cli.output import show_json
from gateway.cli.progress import progress_of
from gateway.cli.refusals import refusals_in
from gateway.cli.sending import BATCH, Sender, Tally, batches
from gateway.cli.topology import the_topology
from gateway.exits import Exit, Failed

_AHEAD: Final = 2
"""Batches that are read while another one is sent."""
_SHOWN: Final = 20
"""Refused events that are told at most."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@amqp_option
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Events a second, at most.")
@click.option("--check", is_flag=True, help="Check every event in full before the first one is sent.")
@output_option
@no_dry_run
def publish(files: tuple[str, ...], amqp_url: str, rate: float | None, check: bool, output: str) -> None:  # noqa: FBT001 - click hands flags over by name
    """Publish events from files to RabbitMQ.

    Each line of a FILE is one CloudEvent in structured mode; a file that is one JSON object is one event; `-` is
    standard input. Events go to the exchange `tallystick.events` in the order of the lines, and count as published
    once the broker has confirmed them. Publishing the same events again is harmless: the gateway knows them by source
    and id.
    """
    url = required_broker(amqp_url)
    if check:
        _check(files)
    tally = Tally()
    try:
        uvloop.run(_publish(files, url, rate, tally))
    except KeyboardInterrupt:
        raise Failed(Exit.FAILED, "stopped; what is counted is in the broker, and perhaps up to a batch more") from None
    finally:
        if tally.seconds is not None:
            _summarise(tally, tally.seconds, output)
    if tally.unroutable:
        raise Failed(
            Exit.FAILED,
            f"{tally.first_unroutable}: no queue is bound for this event, nor for {tally.unroutable - 1} others: run "
            "`tallystick topology apply`",
        )


def _check(files: Sequence[str]) -> None:
    """Raise `Failed` if an event is not valid."""
    if STDIN in files:
        raise click.UsageError("--check reads everything twice: save standard input to a file first")
    found = refusals_in(read_files(files))
    told = [f"{each.line}: {each.failure.reason}" for each in islice(found, _SHOWN)]
    if told:
        more = sum(1 for _ in found)
        told += [f"and {more} more"] if more else []
        raise Failed(Exit.FAILED, "nothing was sent:\n" + "\n".join(told))


async def _publish(files: Sequence[str], url: str, rate: float | None, tally: Tally) -> None:
    """Send everything. Raises `Failed` where it has to end early, and what the broker is unavailable with."""
    await _expect_exchange(url)
    said = _LastWord()
    publishing = RabbitPublishing(url, report=said, name="tallystick publish")
    sender = Sender(publishing, tally, lambda: said.reason, Backoff(shortest=0.1))
    size = BATCH if rate is None else max(1, min(BATCH, math.ceil(rate / 10)))
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    try:
        with progress_of(files) as show:
            async for batch in Ahead(batches(read_files(files), size), most=_AHEAD):
                if rate is not None:
                    await asyncio.sleep(max(0.0, began + sent / rate - loop.time()))
                await sender.send(batch)
                sent += len(batch)
                show.advance(batch)
    finally:
        tally.seconds = loop.time() - began
        await publishing.close()


async def _expect_exchange(url: str) -> None:
    """Ask before the first event: a wrong password or a missing exchange is told at once, and in its own words."""
    administration = RabbitAdministration(url, name="tallystick publish")
    wanted = tuple(each for each in the_topology().exchanges if each.name == EVENTS)
    try:
        if await administration.missing(Topology(wanted, ())):
            raise Failed(
                Exit.NOT_FOUND, f"the broker has no exchange {EVENTS}: run `tallystick topology apply`, or the gateway"
            )
    finally:
        await administration.close()


class _LastWord:
    """Keeps what the broker said last when it refused."""

    def __init__(self) -> None:
        self.reason = "it gave no reason"

    def __call__(self, report: Report) -> None:
        if report.change in {Change.DISCONNECTED, Change.PUBLISHER_REFUSED}:
            self.reason = report.reason


def _summarise(tally: Tally, seconds: float, output: str) -> None:
    if output == JSON:
        show_json(
            {
                "published": tally.published,
                "unroutable": tally.unroutable,
                "sent_again": tally.sent_again,
                "seconds": round(seconds, 3),
            }
        )
        return
    rate = tally.published / seconds if seconds else 0.0
    click.echo(
        f"Published {tally.published:,} events in {seconds:.1f} s ({rate:,.0f} a second); "
        f"{tally.unroutable:,} unroutable, {tally.sent_again:,} sent again."
    )
