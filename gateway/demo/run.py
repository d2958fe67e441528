"""The demo from start to end: set the stage, play, prove it, and stay up if wanted."""

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
from gateway.demo.expected import Expected, expect
from gateway.demo.firm.model import ERPS
from gateway.demo.places import places
from gateway.demo.posting import Posting
from gateway.demo.reconciled import Reconciled
from gateway.demo.reconciling import reconciled
from gateway.demo.screen import Screen, View
from gateway.demo.settling import Standing, settle
from gateway.demo.stage import Stage, a_stage
from gateway.demo.summary import Found, Summary, summarise
from gateway.demo.telling.play import Act, Play, Weather, make_play
from gateway.demo.telling.sending import Planted

WATCH_SECONDS: Final = 1.0
"""Between two looks at how the play stands."""
ROUNDS: Final = 3
"""What people settle may ask for more of them, at most as often."""


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
    play = make_play(options.seed, options.scale)
    screen = Screen(console)
    async with a_stage(environment, screen.say, in_process_broker=options.in_process_broker) as stage:
        summary = await _Performance(stage, play, screen, options.pace).play()
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


class _Performance:
    """The play as it is played on a stage."""

    def __init__(self, stage: Stage, play: Play, screen: Screen, pace: float) -> None:
        self._stage = stage
        self._pace = pace
        self._play = play
        self._screen = screen
        self._posting = Posting(stage.broker.publishers)
        self._expected: Expected = expect(play)
        self._told = 0
        """Messages that must be accounted for by now: all that were published, repetitions aside."""
        self._title = ""
        self._weather: dict[str, Weather] = dict.fromkeys(ERPS, Weather.FINE)

    async def play(self) -> Summary:
        """Publish act after act, let people settle their cases, wait until nothing moves, and compare."""
        self._screen.say()
        moving: list[str] = []
        for act in self._play.acts:
            await self._enact(act)
            if act.people and not moving:
                moving = await self._people()
        if not moving:
            moving = await self._until_still()
        reconciliations = [] if moving else await reconciled(self._stage.gateway, self._screen.say)
        return summarise(self._posting.confirmed, self._expected, await self._found(reconciliations), moving)

    async def _enact(self, act: Act) -> None:
        await self._stage.check_live()
        self._title = f"{act.day:%d %b}  {act.title}"
        self._screen.say(self._title)
        for erp, before in self._weather.items():
            weather = act.weather.get(erp, Weather.FINE)
            if weather is not before:
                await self._stage.systems.set_weather(erp, weather)
                self._weather[erp] = weather
        self._told += sum(each.planted is not Planted.DUPLICATE for each in act.sendings)
        async with self._watching():
            await self._posting.publish(act.sendings, act.seconds * self._pace)

    async def _people(self) -> list[str]:
        """They settle what must not be guessed, and what follows from that; what did not come to rest meanwhile."""
        moving = await self._until_still()
        if not moving:
            self._screen.say("People settle what must not be guessed; what they type, and what they see:")
        for _ in range(ROUNDS):
            if moving or not await people.settle(self._stage.gateway, self._screen.say):
                break
            moving = await self._until_still()
        return moving

    async def _until_still(self) -> list[str]:
        self._title = "waiting until nothing moves any more"
        async with self._watching():
            return await settle(self._standing)

    async def _standing(self) -> Standing:
        await self._stage.check_live()
        counted, ready = await self._stage.tally.count(), await self._stage.broker.ready()
        return Standing(counted, ready, self._told)

    async def _found(self, reconciliations: Sequence[Reconciled]) -> Found:
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
            left=await people.left(self._stage.gateway),
            journal=await self._stage.systems.journals(),
            reconciled=reconciliations,
        )

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Keep the screen up to date meanwhile."""
        with self._screen.playing():
            watch = asyncio.create_task(self._watch(), name="watch")
            try:
                yield
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self) -> None:
        total = len(self._play.sendings)
        while True:
            with suppress(StoreUnavailable):
                counted, effects = await self._stage.tally.count(), await self._stage.systems.effects()
                self._screen.show(
                    View(self._title, self._weather, self._posting.confirmed, total, counted, effects)
                )  # fmt: skip
            await asyncio.sleep(WATCH_SECONDS)
