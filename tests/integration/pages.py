"""A page of the documentation as a script: its commands in their order, each run by a test when its time has come."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from tests.gateway.cli.conftest import cli

DOCS: Final = Path(__file__).parents[2] / "docs"
BLOCK: Final = re.compile(r"^ *```\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
NAME: Final = re.compile(r"\$([A-Z]+)")
PROGRAM: Final = "tallystick"


class Script:
    """The commands of a page. `env` is the environment of whoever types them."""

    def __init__(self, page: str, env: Mapping[str, str]) -> None:
        text = (DOCS / page).read_text(encoding="utf-8")
        lines = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
        self.left = [line for line in lines if line.startswith(f"{PROGRAM} ")]
        self._env = env

    async def does(self, begins: str, /, **named: object) -> Any:
        """Run the next command, which must begin so; `named` stand for what the page writes as `$NAME`.

        Gives what it prints as JSON, where it prints such. It must end with 0.
        """
        line = self.left.pop(0)
        assert line.startswith(f"{PROGRAM} {begins}"), f"the page goes on with: {line}"
        return await self._run(line, named)

    async def again(self, line: str, /, **named: object) -> Any:
        """Run a command that the page has once, for another key."""
        return await self._run(f"{PROGRAM} {line}", named)

    async def _run(self, line: str, named: Mapping[str, object]) -> Any:
        assert set(NAME.findall(line)) == set(named), line
        arguments = [NAME.sub(lambda found: str(named[found[1]]), word) for word in shlex.split(line)[1:]]
        told = await asyncio.to_thread(cli, "-o", "json", *arguments, env=self._env)
        assert told.exit_code == 0, f"{line}: {told.output}"
        try:
            return orjson.loads(told.stdout)
        except orjson.JSONDecodeError:
            return told.stdout
