"""What is kept of reconciliations as text: entries, differences, and what a run has come to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from adapters.ports.recon import Difference, Kind, Place, Sums, Tally, Total
from schemas.standing import Standing

_STANDING: Final[TypeAdapter[Standing]] = TypeAdapter(Standing)


def standing_text(standing: Standing) -> str:
    """An entry as it is kept."""
    return _STANDING.dump_json(standing, exclude_none=True).decode()


def read_standing(text: str) -> Standing:
    """The entry that was kept."""
    return _STANDING.validate_json(_whole(orjson.loads(text)))


def difference_text(difference: Difference) -> str:
    """A difference as it is kept."""
    sides = (difference.ours, difference.theirs)
    ours, theirs = (None if each is None else orjson.Fragment(standing_text(each)) for each in sides)
    return orjson.dumps(
        {
            "kind": difference.kind, "name": difference.name, "ours": ours, "theirs": theirs,
            "fields": difference.fields, "effect": _sums(difference.effect), "case": difference.case,
        }
    ).decode()  # fmt: skip


def read_difference(text: str) -> Difference:
    """The difference that was kept."""
    kept = orjson.loads(text)
    ours, theirs = (None if kept[side] is None else _standing(kept[side]) for side in ("ours", "theirs"))
    effect = {Place(legal_entity, currency): Decimal(amount) for legal_entity, currency, amount in kept["effect"]}
    return Difference(
        Kind(kept["kind"]), kept["name"], ours, theirs, tuple(kept["fields"]), effect, kept["case"]
    )  # fmt: skip


def tally_text(tally: Tally) -> str:
    """What a run has come to, as it is kept."""
    return orjson.dumps(
        {
            "totals": [[*each.place, str(each.ours), str(each.theirs), str(each.on_its_way)] for each in tally.totals],
            "counts": [[entity, kind, count] for (entity, kind), count in tally.counts.items()],
            "on_its_way": tally.on_its_way,
            "entries": tally.entries,
        }
    ).decode()


def read_tally(text: str | None) -> Tally:
    """What was kept of what a run has come to."""
    if text is None:
        return Tally()
    kept = orjson.loads(text)
    return Tally(
        tuple(Total(Place(place, money), *map(Decimal, amounts)) for place, money, *amounts in kept["totals"]),
        {(entity, Kind(kind)): count for entity, kind, count in kept["counts"]},
        kept["on_its_way"],
        kept["entries"],
    )


def _standing(kept: Mapping[str, Any]) -> Standing:
    return _STANDING.validate_json(_whole(kept))


def _whole(kept: Mapping[str, Any]) -> bytes:
    """With what was left out because it is None: those fields have no default."""
    return orjson.dumps(dict.fromkeys(("reference", "external_id", "amount", "currency")) | dict(kept))


def _sums(sums: Sums) -> list[tuple[str, str, str]]:
    return [(*place, str(amount)) for place, amount in sums.items()]
