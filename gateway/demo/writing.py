"""The firm as files: its policy, what each of its sources tells, and what its books must show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import orjson

from gateway.demo.firm.truth import Truth, truth_of
from gateway.demo.policy import firm_policy
from gateway.demo.telling.play import Play
from gateway.demo.telling.sending import Sender, Sending

POLICY: Final = "policy.yaml"
BOOKS: Final = "books.json"


def write_firm(folder: Path, play: Play) -> Iterator[Path]:
    """Write `policy.yaml`, a file of JSON lines for each source, and `books.json`; gives each path once it is there.

    Every good event stands there once, in the order in which its source would tell it. The same firm, the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(play).items():
        path = folder / name
        path.write_bytes(content)
        yield path


def files_of(play: Play) -> dict[str, bytes]:
    """Content by name."""
    good = [each for each in play.sendings if each.planted is None]
    files = {POLICY: firm_policy().encode()}
    for sender in Sender:
        files[f"{sender}.jsonl"] = _lines([each for each in good if each.sender is sender])
    return files | {BOOKS: _books(truth_of(play.firm, play.invoices))}


def _lines(sendings: Sequence[Sending]) -> bytes:
    """By the clock of their source, which goes on with each of its events."""
    events = sorted(sendings, key=lambda each: str(orjson.loads(each.event)["time"]))
    return b"".join(each.event + b"\n" for each in events)


def _books(truth: Truth) -> bytes:
    """Legal entity -> currency -> measure -> what the sources say, and what of it is held back as planned."""
    books: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for name, amounts in (("due", truth.due), ("held", truth.held)):
        totals: dict[tuple[str, str, str], Decimal] = {}
        for item, amount in amounts.items():
            place = (item.legal_entity, item.currency, str(item.measure))
            totals[place] = totals.get(place, Decimal(0)) + amount
        for (code, currency, measure), total in totals.items():
            of_measure = books.setdefault(code, {}).setdefault(currency, {}).setdefault(measure, {})
            of_measure[name] = format(total, "f")
    return orjson.dumps(books, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
