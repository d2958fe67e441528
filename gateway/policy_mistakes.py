"""What is wrong with a policy file, in plain words, with the line where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any, Final

import yaml
from pydantic_core import ErrorDetails

from gateway.policy_checks import Mistakes

_TEXT: Final = "tag:yaml.org,2002:str"


def told(mistake: ErrorDetails, node: yaml.Node | None, names: Collection[str]) -> Iterator[str]:
    """`LINE: where: what to change`, most often once; `names` are the keys that there are."""
    error = mistake.get("ctx", {}).get("error")
    if isinstance(error, Mistakes):
        for each in error.mistakes:
            yield _told(node, (*mistake["loc"], *each.place), each.text)
    else:
        yield _told(node, mistake["loc"], _sentence(mistake, names))


def _told(node: yaml.Node | None, place: tuple[int | str, ...], sentence: str) -> str:
    where = ".".join(map(str, place)) or "file"
    return f"{_line(node, place)}: {where}: {sentence}"


def repeated_keys(node: yaml.Node | None) -> Iterator[str]:
    """The mistakes of keys that a mapping has twice: YAML itself would take the last, and say nothing."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                yield f"{line}: {key.value} stands here a second time, and the first would be lost: remove one"
            seen.add(key.value)
            yield from repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from repeated_keys(value)


def impossible_values(node: yaml.Node | None) -> Iterator[str]:
    """The mistakes of values that look like a date or a number to YAML, and are none."""
    match node:
        case yaml.MappingNode():
            for pair in node.value:
                for part in pair:
                    yield from impossible_values(part)
        case yaml.SequenceNode():
            for part in node.value:
                yield from impossible_values(part)
        case yaml.ScalarNode() if node.tag != _TEXT:
            try:
                yaml.SafeLoader("").construct_object(node)
            except ValueError:
                line = node.start_mark.line + 1
                yield f"{line}: YAML reads {node.value} as a date or number, which it cannot be: correct or quote it"


def not_yaml(error: yaml.YAMLError) -> str:
    """The mistake in a file that cannot be parsed."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem_mark.line + 1}: not YAML: {error.problem or error.context}"
    return f"1: not YAML: {error}"


def _sentence(mistake: ErrorDetails, names: Collection[str]) -> str:
    """What is wrong, and what to change."""
    if mistake["loc"][-1:] == ("[key]",) and not isinstance(mistake["loc"][-2], str):
        return "YAML reads this name as something else than text, as it does with no and 1.0: put it in quotes"
    match mistake["type"]:
        case "missing":
            return "it is missing: add it"
        case "extra_forbidden":
            near = get_close_matches(str(mistake["loc"][-1]), names, n=1)
            return "there is no such key: " + (f"did you mean {near[0]}?" if near else "remove it")
        case "value_error":
            return str(mistake.get("ctx", {}).get("error", mistake["msg"]))
        case "string_type":
            return "write text: put it in quotes if YAML reads it as something else, as it does with no and 1.0"
        case "model_type" | "mapping_type" | "dict_type" | "model_attributes_type":
            return "write `name: value` lines below it"
        case "tuple_type":
            return "write a list: [one, two]"
        case _:
            return mistake["msg"]


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line of the innermost node that `path` still finds."""
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair: Any = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
