"""An intake and a message of it: the ones that are shipped as an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from gateway.intakes.intake import Intake
from gateway.intakes.mapping import NamedIntake

EXAMPLES: Final = Path(__file__).resolve().parents[3] / "examples"
POLICY: Final = EXAMPLES / "policy.yaml"
MESSAGE: Final = EXAMPLES / "intakes" / "clock.json"

Json = dict[str, Any]


def entry() -> Json:
    """The intake as the policy file has it; changed by whoever asks for it."""
    found: Json = yaml.safe_load(POLICY.read_text(encoding="utf-8"))["intakes"]["clock"]
    return found


def message() -> Json:
    """The message; changed by whoever asks for it."""
    found: Json = orjson.loads(MESSAGE.read_bytes())
    return found


CLOCK: Final = NamedIntake("clock", Intake.model_validate(entry()))
