"""Making plans: page after page is predicted, until nothing that was predicted changes any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never
from uuid import UUID

from adapters.ports.replays import Mode, PlanWork, Prediction, Relied, Replay
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.replay.asking import Asking
from gateway.replay.forecast import Forecast
from schemas.keys import ActorKey

PAGE: Final = 200
"""Messages that are predicted at once."""
VALID_SECONDS: Final = 3600.0
"""How long a plan can be started: the longer ago it was made, the less it says."""


@dataclass(slots=True)
class _Making:
    """A plan as far as this process has made it. `keys`: those that are predicted again; None: all of them."""

    replay: Replay
    forecast: Forecast | Asking
    policy: str | None
    after: int = 0
    decided: int = 0
    keys: set[ActorKey] | None = None


class Planner:
    """Makes one plan at a time. `policy` names the one in force; a plan is of one policy alone.

    What is predicted stands in memory until the plan is ready: whoever takes over begins it again, which does no harm.
    """

    def __init__(
        self,
        work: PlanWork,
        forecast: Callable[[], Forecast],
        asking: Callable[[], Asking],
        policy: Callable[[], str | None],
        tokens: Callable[[], UUID],
    ) -> None:
        self._work = work
        self._forecast = forecast
        self._asking = asking
        self._policy = policy
        self._tokens = tokens
        self._making: _Making | None = None

    async def step(self) -> bool:
        """One page of the oldest plan that is not ready; whether there was one. Raises `StoreUnavailable`."""
        replay = await self._work.deciding()
        if replay is None:
            self._making = None
            return False
        making, self._making = self._going_on(replay), None  # what raises in between begins again
        try:
            await self._go_on(replay, making)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a mistake of ours ends this plan, and no process that moves money
            telemetry.replay_failed(f"plan {replay.id}", error)
            await self._work.give_up(replay, f"it could not be decided: {type(error).__name__}: report it")
        return True

    async def _go_on(self, replay: Replay, making: _Making) -> None:
        """The next page; behind the last one those that are to be predicted again, and then the end."""
        page = await self._page(making)
        if page is not None:
            making.after, predictions, relied = page
            making.decided += 0 if making.keys else len(predictions)
            kept = await self._work.predicted(replay, predictions, relied, decided=making.decided)
        elif woken := making.forecast.woken():
            making.after, making.keys, kept = 0, woken, replay
        else:
            await self._end(replay, making)
            return
        if kept is not None:
            making.replay, self._making = kept, making

    async def _page(self, making: _Making) -> tuple[int, Mapping[int, Prediction], Sequence[Relied]] | None:
        """The last number of the next page, and what is predicted of it; None: there is no further one."""
        id, after = making.replay.id, making.after
        match making.forecast:
            case Asking() as asking:
                sent = await self._work.sent(id, after=after, limit=PAGE)
                return (sent[-1].number, *await asking.predict(sent)) if sent else None
            case Forecast() as forecast:
                planned = await self._work.planned(id, after=after, keys=making.keys, limit=PAGE)
                return (planned[-1].number, *await forecast.predict(planned)) if planned else None
            case never:
                assert_never(never)

    def _going_on(self, replay: Replay) -> _Making:
        """The plan as we left it; from its beginning if it was another's, or another policy came into force."""
        making = self._making
        is_ours = making is not None and (making.replay.id, making.replay.version) == (replay.id, replay.version)
        if making is None or not is_ours or making.policy != self._policy():
            is_sent = replay.chosen.mode is Mode.SENT
            return _Making(replay, self._asking() if is_sent else self._forecast(), self._policy())
        return making

    async def _end(self, replay: Replay, making: _Making) -> None:
        """The token names the plan, and cannot be guessed from its number."""
        token = f"{replay.id}-{self._tokens().hex[-12:]}"
        await self._work.ready(
            replay, making.forecast.outlook(), policy=making.policy, token=token, seconds=VALID_SECONDS
        )
