"""The demo from start to end: set the stage, play the day, prove it, and stay up if wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from adapters.ports.turns import StoreUnavailable
from gateway.demo import people, report
from gateway.demo.day import Act, Weather, make_day
from gateway.demo.expected import Expected, expect
from gateway.demo.firm import BOOKS_CLOSED_UNTIL
from gateway.demo.oracle import Terms
from gateway.demo.places import places
from gateway.demo.posting import Posting
from gateway.demo.screen import Screen, View
from gateway.demo.sending import Sending
from gateway.demo.settling import Standing, settle
from gateway.demo.stage import Stage, a_stage
from gateway.demo.summary import Found, Summary, summarise
from gateway.policy_file import read_policy

WATCH_SECONDS: Final = 0.4
"""Between two looks at how the day stands."""


@dataclass(frozen=True, slots=True)
class Options:
    """`once`: end after the summary. `json`: where to write it as JSON. `pace`: the acts' seconds times this."""

    seed: int = 1
    scale: float = 1.0
    once: bool = False
    json: Path | None = None
    in_process_broker: bool = False
    pace: float = 1.0


async def play_demo(options: Options, environment: Mapping[str, str], console: Console) -> bool:
    """Play and prove; whether the numbers agree. Stays up until it is cancelled, unless `once`."""
    acts = make_day(options.seed, options.scale)
    screen = Screen(console)
    async with a_stage(environment, screen.say, in_process_broker=options.in_process_broker) as stage:
        summary = await _Day(stage, acts, screen, options.pace).play()
        screen.say()
        report.show(console, summary)
        if options.json is not None:
            options.json.write_bytes(report.to_json(summary))
        if not summary.agrees:
            screen.say(stage.end_of_log)
        if not options.once:
            screen.say(places(stage))
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            screen.say("Stopping.")
    return summary.agrees


class _Day:
    """The day as it is played on a stage."""

    def __init__(self, stage: Stage, acts: Sequence[Act], screen: Screen, pace: float) -> None:
        self._stage = stage
        self._pace = pace
        self._acts = acts
        self._screen = screen
        self._posting = Posting(stage.broker.publishers)
        self._sendings: list[Sending] = [sending for act in acts for sending in act.sendings]
        legal_entities = read_policy(stage.gateway.policy).legal_entities
        rounding = {code: each.rounding for code, each in legal_entities.items()}
        self._expected: Expected = expect(self._sendings, Terms(rounding, BOOKS_CLOSED_UNTIL))
        self._title = ""
        self._weather = Weather.FINE

    async def play(self) -> Summary:
        """Publish act after act, wait until nothing moves, and compare."""
        self._screen.say()
        with self._screen.playing():
            async with self._watching():
                for act in self._acts:
                    await self._enact(act)
                self._title = "waiting until nothing moves any more"
                moving = await settle(self._standing)
        if not moving:
            self._screen.say("17:00 people settle what must not be guessed; what they type, and what they see:")
            await people.settle(self._stage.gateway, self._screen.say)
            moving = await settle(self._standing)
        return summarise(self._posting.confirmed, self._expected, await self._found(), moving)

    async def _enact(self, act: Act) -> None:
        await self._stage.check_live()
        self._title = f"{act.clock} {act.title}"
        self._screen.say(self._title)
        if act.weather is not self._weather:
            await self._stage.systems.set_weather(act.weather)
            self._weather = act.weather
        await self._posting.publish(act.sendings, act.seconds * self._pace)

    async def _standing(self) -> Standing:
        await self._stage.check_live()
        counted, ready = await self._stage.tally.count(), await self._stage.broker.ready()
        return Standing(counted, ready, self._expected.messages)

    async def _found(self) -> Found:
        tally = self._stage.tally
        return Found(
            verdicts={
                (each.source, each.id): each.verdict
                for each in await tally.messages()
                if not each.source.startswith("tallystick:")  # what actors tell each other, nobody has published
            },
            dead_letters=await tally.dead_letters(),
            parked_commands=(await tally.count()).commands.get("parked", 0),
            settled=await people.settled(self._stage.gateway),
            journal=[(entry.effect, entry.reference) for entry in await self._stage.systems.journals()],
        )

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Keep the screen up to date meanwhile."""
        watch = asyncio.create_task(self._watch(), name="watch")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            with suppress(StoreUnavailable):
                counted, effects = await self._stage.tally.count(), await self._stage.systems.effects()
                total = len(self._sendings)
                self._screen.show(View(self._title, self._weather, self._posting.confirmed, total, counted, effects))
            await asyncio.sleep(WATCH_SECONDS)
