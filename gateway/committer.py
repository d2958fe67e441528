"""A committer: turns of its keys in micro-batches, each batch one commit. It owns its activations and a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from adapters.ports.store import Commits
from adapters.ports.turns import (
    Again,
    Answer,
    Batch,
    Committed,
    CommitUnknown,
    DataRefused,
    Refused,
    Row,
    StoreUnavailable,
)
from gateway.activation import Activation, Answered, Entry, Memory
from gateway.activations import Activations
from gateway.backoff import Backoff
from gateway.compose import compose
from gateway.deciding import actor_of, surroundings
from gateway.draft import Draft
from gateway.fold import fold
from gateway.holding import hold
from gateway.loading import Loaded, Loading
from gateway.world import Watcher, World
from schemas.bindings import is_binding
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState

Forward = Callable[[ActorKey, Entry], None]
"""Takes a message of an external key to the key that it is bound to."""


class Committer:
    """Runs the turns of its keys. A key has one committer, so its turns never overlap within the process."""

    def __init__(
        self,
        commits: Commits,
        world: World,
        watcher: Watcher,
        forward: Forward,
        backoff: Backoff,
        loading: Loading | None = None,
    ) -> None:
        self._commits = commits
        self._world = world
        self._watcher = watcher
        self._forward = forward
        self._backoff = backoff
        self._loading = loading or Loading(commits, world)
        self.activations = Activations(world.bounds)

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        """Put a message into the mailbox of `key`."""
        activation = self.activations.of(key)
        activation.mailbox.append(entry)
        self.activations.schedule(activation)

    def answer(self, key: ActorKey, answered: Answered) -> None:
        """Give `key` the result of its command."""
        activation = self.activations.of(key)
        activation.answers.append(answered)
        self.activations.schedule(activation)

    def poke(self, key: ActorKey) -> None:
        """Somebody changed the lane of `key`, or it should be looked at again.

        A lane of an entity that this release does not know, left by a newer one, stays as it is and can be seen.
        """
        if key.entity not in self._world.actors and not key.is_external:
            return
        activation = self.activations.of(key)
        activation.is_poked = True
        self.activations.schedule(activation)

    async def run(self) -> None:
        """Take turns for ever."""
        while True:
            activations = await self.activations.take()
            try:
                await self._take_turns(activations)
            except StoreUnavailable as error:
                self._watcher.store_lost(error, unknown=False)
                self.activations.retake(activations)
                await self._backoff.wait()

    async def turn(self, keys: Sequence[ActorKey]) -> None:
        """One turn of each of `keys`, at most a batch of them, of a committer that does not `run`.

        Raises `StoreUnavailable`.
        """
        for key in keys:
            self.poke(key)
        await self._take_turns(await self.activations.take())

    async def _take_turns(self, activations: Sequence[Activation]) -> None:
        """The life of a batch."""
        await self._loading.rows(activations)
        moved: list[Activation] = []
        staying: list[Activation] = []
        for activation in activations:
            (moved if self._moves_on(activation) else staying).append(activation)
        await self._loading.lanes(staying)
        loaded = await self._loading.references(staying)
        drafts, failed = self._decide(staying, loaded)
        policy = self._world.policy_hash()  # nothing was awaited since: it is the one that they were decided under
        batch, later = compose(drafts)
        answers = await self._commit(batch, policy)
        self._conclude(batch, answers)
        if policy != self._world.policy_hash():
            self._world.overtaken()
        self.activations.retake([*failed, *(draft.activation for draft in later)])
        # Not before: the whole batch is taken again if the store is lost, and nobody may be in it who has left.
        for activation in moved:
            self.activations.release(activation)

    def _moves_on(self, activation: Activation) -> bool:
        """Messages of an external key that is bound go on, in order, to the key that it means."""
        memory = activation.memory
        if memory is None or not is_binding(memory.state):
            return False
        moving, activation.mailbox = activation.mailbox, []
        for entry in moving:
            self._forward(memory.state.key, entry)
        return True

    def _decide(self, activations: Sequence[Activation], loaded: Loaded) -> tuple[list[Draft], list[Activation]]:
        """Turns as decided; and whose could not even be written down, which our bug must not make anybody else's."""
        around = surroundings(self._world, loaded, self._watcher.decision_failed)
        drafts: list[Draft] = []
        failed: list[Activation] = []
        for activation in activations:
            memory = activation.memory
            if memory is None:
                raise AssertionError(f"{activation.key} was not loaded")
            if activation.key.is_external:
                drafts.append(hold(activation, memory, around.rules))
                continue
            try:
                drafts.append(fold(actor_of(memory, self._world.actors), activation, memory, around))
            except Exception as error:
                waiting = activation.waiting
                if not waiting:
                    raise
                self._watcher.decision_failed(activation.key, error)
                activation.narrow(activation.limit or len(waiting), waiting[0], f"{type(error).__name__}: report it")
                failed.append(activation)
        return drafts, failed

    async def _commit(self, drafts: Sequence[Draft], policy: str | None) -> list[Answer]:
        """Commit the drafts that write something; the others are done by doing nothing."""
        writing = [draft for draft in drafts if draft.size]
        told = await self._commit_writing(writing, policy) if writing else []
        answers = {draft.turn.key: answer for draft, answer in zip(writing, told, strict=True)}
        return [answers.get(draft.turn.key, Committed()) for draft in drafts]

    async def _commit_writing(self, drafts: Sequence[Draft], policy: str | None) -> list[Answer]:
        batch = Batch(self._world.ids(), [draft.turn for draft in drafts], policy)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answers = await self._commits.commit(batch)
        except CommitUnknown as error:
            self._watcher.store_lost(error, unknown=True)
            answers = await self._resolve(batch)
        except DataRefused as error:
            return await self._commit_apart(drafts, policy, error)
        self._backoff.reset()
        self._watcher.batch(len(drafts), sum(len(turn.judged) for turn in batch.turns), loop.time() - began)
        return answers

    async def _resolve(self, batch: Batch) -> list[Answer]:
        """Ask until the database says which turns of an unknown commit are there."""
        while True:
            try:
                ours = await self._commits.resolve(batch)
            except StoreUnavailable as error:
                self._watcher.store_lost(error, unknown=False)
                await self._backoff.wait()
                continue
            return [Committed() if committed else Refused(Again.STALE_WRITER) for committed in ours]

    async def _commit_apart(self, drafts: Sequence[Draft], policy: str | None, error: DataRefused) -> list[Answer]:
        """The database refused a value: find whose, so that one key's value stops no other key."""
        if len(drafts) > 1:
            middle = len(drafts) // 2
            first = await self._commit_writing(drafts[:middle], policy)
            return first + await self._commit_writing(drafts[middle:], policy)
        draft = drafts[0]
        if draft.size > 1 or draft.first not in draft.activation.refused or not draft.consumed:
            draft.activation.narrow(draft.size, draft.first, str(error))
        else:
            self._give_up(draft, error)
        return [Refused(Again.STALE_WRITER)]

    def _give_up(self, draft: Draft, error: DataRefused) -> None:
        """Not even parking the message can be written: it is kept as a dead letter, and its key goes on."""
        activation = draft.activation
        reason = f"{error}: correct what the message says, and send it under a new id"
        failure = Failure(FailureClass.INTERNAL, "data_refused", reason)
        [unwritable] = [entry for entry in draft.consumed if entry.message.ref == draft.first]
        activation.drop([unwritable])
        activation.limit = None
        del activation.refused[draft.first]
        self._watcher.unwritable(unwritable, failure)

    def _conclude(self, drafts: Sequence[Draft], answers: Sequence[Answer]) -> None:
        """Ack what is durable, drop what is not, and schedule what has work left."""
        for draft, answer in zip(drafts, answers, strict=True):
            match answer:
                case Committed():
                    self._committed(draft)
                case Refused():
                    self._refused(draft, answer)
            self.activations.release(draft.activation)

    def _committed(self, draft: Draft) -> None:
        activation, turn = draft.activation, draft.turn
        activation.drop(draft.consumed, draft.answers)
        if draft.size:
            activation.taken.clear()
            activation.refused.clear()
            activation.limit = None
            activation.is_short = False
            row = Row(
                turn.key, turn.row.row_version + 1, turn.entity_version, turn.state or turn.row.state, turn.schema,
                turn.lane, turn.row.cursors if turn.cursors is None else turn.cursors,
            )  # fmt: skip
            activation.memory = Memory(row, draft.state)
            activation.lane = ()
            self._world.references.renew(turn.key, turn.entity_version, draft.state)
        if turn.arranges:
            # The commit may have put another message at the head.
            activation.forget()
            activation.has_more = True
        if turn.binds:
            # What waited under the external key may stand in this key's lane now.
            activation.is_poked = True
            self._world.references.forget(turn.binds)
        elif turn.lane.state is LaneState.BACKOFF:
            activation.forget()  # the database says when its time has come
        elif draft.stopped_short:
            activation.has_more = True
            if not draft.size:
                activation.forget()  # no commit has proved what is remembered: the lane may be empty by now
        for entry in draft.consumed:
            entry.receipt.ack()
        self._watcher.committed(draft)

    def _refused(self, draft: Draft, refused: Refused) -> None:
        activation = draft.activation
        activation.forget()
        activation.has_more = True
        activation.taken.update(refused.taken)
        self._world.references.forget(draft.turn.relied)
        known = {duplicate.ref: duplicate.same_body for duplicate in refused.duplicates}
        repeated: list[Entry] = []
        for entry in activation.mailbox:
            match known.get(entry.message.ref):
                case True:
                    repeated.append(entry)
                case False:
                    entry.conflict = True
                case None:
                    pass
        gone = set(refused.settled)
        dropped = [answered for answered in activation.answers if answered.leased.command.id in gone]
        activation.drop(repeated, dropped)
        for entry in repeated:
            entry.receipt.ack()
            self._watcher.duplicate(activation.key)
        for answered in dropped:
            self._watcher.answer_dropped(answered)
        self._watcher.refused(draft, refused)
