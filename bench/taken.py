"""What a contender says on its standard output once its queue is empty: one line of JSON."""

from __future__ import annotations

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Taken:
    """`seconds` from the first subscription to the last ack; `redelivered` messages had come before.

    `latencies` are milliseconds from published to applied, in the order of the commits, where they were asked for.
    `began` is the time of the first subscription, seconds since 1970, where the database's times are held against it.
    """

    seconds: float
    redelivered: int
    latencies: tuple[float, ...] = ()
    began: float = 0.0


def tell(taken: Taken) -> None:
    """Print it."""
    print(orjson.dumps(taken).decode(), flush=True)


def heard(line: bytes) -> Taken:
    """What was printed."""
    said = orjson.loads(line)
    return Taken(float(said["seconds"]), int(said["redelivered"]), tuple(said["latencies"]), float(said["began"]))
