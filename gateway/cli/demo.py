"""`tallystick demo`: a firm's quarter on real parts, with planted faults, reconciled to the cent."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click
from rich.console import Console

from adapters.postgres.scratch import DatabaseNotMade
from adapters.rabbitmq.guest import BrokerInUse
from gateway.cli.options import AMQP_URL, DATABASE_URL, from_environment
from gateway.demo.people import CommandFailed
from gateway.demo.posting import NotPublished
from gateway.demo.run import Options, play_demo
from gateway.demo.stage import GatewayGone
from gateway.demo.telling.play import make_play
from gateway.demo.writing import write_firm
from gateway.exits import Exit, Failed

_WIDE = 160
"""Columns where the output goes to a file or a pipe."""


@click.command()
@click.option("--once", is_flag=True, help="End after the summary: with 0 if the numbers agree, else with 1.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the summary here too."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another firm for another number."
)
@click.option(
    "--events-scale", "scale", type=click.FloatRange(0.1, 20), default=1.0, show_default=True,
    help="How much happens: 1 is 50 people, about 2,200 messages and 5,000 lines of time.",
)  # fmt: skip
@click.option(
    "--write", "folder", type=click.Path(file_okay=False, path_type=Path),
    help="Write the firm into this folder and end: its policy file, each source's events as JSON lines, its books.",
)  # fmt: skip
@click.option("--in-process-broker", is_flag=True, help="Do without RabbitMQ, even where it is installed.")
def demo(
    once: bool,  # noqa: FBT001 - click hands flags over by name
    json_file: Path | None,
    seed: int,
    scale: float,
    folder: Path | None,
    in_process_broker: bool,  # noqa: FBT001 - as above
) -> None:
    """Play a quarter of a firm: deals, time, expenses, change orders, invoices, and what comes of them.

    Three legal entities, two ERPs; late, repeated, and out-of-order messages, bad input, an ERP outage; people who
    settle cases.

    Finds or starts PostgreSQL and RabbitMQ, starts sandbox CRM, PSA, and ERPs and a gateway, and compares the firm's
    books with the systems' own journals, to the cent. TALLYSTICK_DATABASE_URL and TALLYSTICK_AMQP_URL name servers to
    use; nothing that is in them is touched. Stays up until Ctrl-C, then stops what it started.
    """
    if folder is not None:
        for path in write_firm(folder, make_play(seed, scale)):
            click.echo(path)
        return
    named = {name: value for name in (DATABASE_URL, AMQP_URL) if (value := from_environment(name))}
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    options = Options(seed, scale, once, json_file, in_process_broker)
    try:
        agrees = asyncio.run(_until_stopped(options, {**os.environ, **named}, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise Failed(Exit.FAILED, "stopped before the play was over; all that it started is gone") from None
    except BrokerInUse as error:
        raise Failed(Exit.CONFLICT, f"{error}; or unset {AMQP_URL} to get a private broker") from error
    except (CommandFailed, GatewayGone, NotPublished) as error:
        raise Failed(Exit.UNHEALTHY, str(error)) from error
    except DatabaseNotMade as error:
        raise Failed(Exit.AUTH, f"{error}; or unset {DATABASE_URL} to get a private server") from error
    if not agrees:
        raise Failed(Exit.FAILED, "the numbers do not agree")


async def _until_stopped(options: Options, environment: dict[str, str], console: Console) -> bool:
    """SIGINT and SIGTERM end it in order, once: a second one must not keep it from stopping what it started."""
    loop = asyncio.get_running_loop()
    play = asyncio.create_task(play_demo(options, environment, console), name="demo")
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: play.cancelling() or play.cancel())
    return await play
