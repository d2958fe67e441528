"""What intakes must say of each other and of the sources: each mistake with the place where it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.intakes.intake import Intake
from gateway.intakes.routes import clashes
from gateway.policy_checks import Mistake
from gateway.source_policy import Source
from schemas.sequence import SequenceKind


def check_intakes(intakes: Mapping[str, Intake], sources: Mapping[str, Source]) -> Iterator[Mistake]:
    """Sources that are not listed or may not send it, numbers that are not mapped, and messages that two would take."""
    for name, intake in intakes.items():
        source = sources.get(intake.source)
        if source is None:
            yield Mistake(
                ("intakes", name, "source"),
                f"{intake.source} is not under `sources`: add it there, with the AMQP users that may send it",
            )
            continue
        for type_ in intake.types:
            if not source.may_send(type_.rpartition(".")[0]):
                text = f"{intake.source} may not send {type_}: add it to the types of the source"
                yield Mistake(("intakes", name, "type"), text)
        if source.sequence is not SequenceKind.NONE and intake.sequence is None:
            text = f"{intake.source} numbers its events ({source.sequence}): say where the number stands in `sequence`"
            yield Mistake(("intakes", name), text)
    for one, pattern, other, against in clashes(intakes):
        text = f"{against} can mean the same messages as {pattern} of {one}: a message is for one intake alone"
        yield Mistake(("intakes", other, "routing_keys"), text)
