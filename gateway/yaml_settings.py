"""Files of settings in YAML beside the policy file: read whole, or refused with every mistake at its line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from gateway.policy_mistakes import impossible_values, not_yaml, repeated_keys, told
from gateway.settings import SettingsInvalid

Form = TypeVar("Form")


def read_text(path: Path, place: str) -> str:
    """The text of a file; `place` stands before what is wrong with it. Raises `SettingsInvalid`."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsInvalid(f"{place}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{place}: it is not UTF-8 text") from error


def parsed(text: str, place: str, form: TypeAdapter[Form], names: Collection[str]) -> Form:
    """What a text says; an empty one is an empty list. `names` are the keys that there are.

    Raises `SettingsInvalid`, one line for each mistake.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        mistakes = [*impossible_values(node), *repeated_keys(node)]
        found: object = None if mistakes else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{place}:{not_yaml(error)}") from error
    except RecursionError as error:
        raise SettingsInvalid(f"{place}:1: it is nested too deeply, or an alias in it contains itself") from error
    if not mistakes:
        try:
            return form.validate_python([] if found is None else found)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
            mistakes = [line for mistake in wrong for line in told(mistake, node, names)]
    raise SettingsInvalid("\n".join(f"{place}:{mistake}" for mistake in mistakes))
