"""What is kept of replays as text: what was chosen, predictions, and what plans and replays have come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import orjson
from pydantic import TypeAdapter

from adapters.ports.replays import Chosen, Kind, Outcome, Outlook, Prediction, Relied, Total
from schemas.verdicts import Verdict

_CHOSEN: Final[TypeAdapter[Chosen]] = TypeAdapter(Chosen)
_PREDICTION: Final[TypeAdapter[Prediction]] = TypeAdapter(Prediction)


def chosen_text(chosen: Chosen) -> str:
    """What was chosen, as it is kept: the same for the same choice."""
    return _CHOSEN.dump_json(chosen, exclude_none=True).decode()


def read_chosen(text: str) -> Chosen:
    """What was kept of a choice."""
    return _CHOSEN.validate_json(text)


def prediction_text(prediction: Prediction) -> str:
    """A prediction as it is kept."""
    return _PREDICTION.dump_json(prediction).decode()


def read_prediction(text: str | None) -> Prediction | None:
    """The prediction that was kept."""
    return None if text is None else _PREDICTION.validate_json(text)


def relied_text(relied: Relied) -> str:
    """What the predictions of a key stand on, as rows of entity, key, and version."""
    return orjson.dumps([[*key, version] for key, version in relied.versions.items()]).decode()


def outlook_text(outlook: Outlook) -> str:
    """What a plan comes to, as it is kept."""
    return orjson.dumps(
        {
            "verdicts": outlook.verdicts,
            "codes": outlook.codes,
            "commands": [[*kind, total.count, str(total.amount)] for kind, total in outlook.commands.items()],
        },
        option=orjson.OPT_NON_STR_KEYS,
    ).decode()


def read_outlook(text: str | None) -> Outlook:
    """What was kept of what a plan comes to."""
    if text is None:
        return Outlook()
    kept = orjson.loads(text)
    rows: Sequence[tuple[str, str, str | None, int, str]] = kept["commands"]
    return Outlook(
        {Verdict(verdict): count for verdict, count in kept["verdicts"].items()},
        kept["codes"],
        {Kind(system, what, money): Total(count, Decimal(amount)) for system, what, money, count, amount in rows},
    )


def outcomes_text(outcomes: Mapping[Outcome, int]) -> str:
    """Counts by outcome, as they are kept."""
    return orjson.dumps(outcomes, option=orjson.OPT_NON_STR_KEYS).decode()


def read_outcomes(text: str | None) -> Mapping[Outcome, int]:
    """The counts that were kept."""
    return {} if text is None else {Outcome(name): count for name, count in orjson.loads(text).items()}
