"""What fits the description, and what does not, is asked of listeners that run: none fails, and all answers fit."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.contracts.turns import SHEET, message
from tests.gateway.http.stand import TOKEN, Stand

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)


async def keeps_to_it(stand: Stand, folder: Path, phases: str, *, examples: int) -> None:
    """Have every operation asked, and fail with what was found."""
    await stand.book.begin()
    await stand.park(SHEET, message("e1"))
    await stand.bury("letter")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "run", f"{stand.addresses.api}/openapi.json",
        "--header", f"Authorization: Bearer {TOKEN}", "--checks", ",".join(CHECKS),
        "--phases", phases, "--max-examples", str(examples), "--seed", "7",
        "--generation-database", "none", "--request-timeout", "15", "--continue-on-failure", "--no-color",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, told.decode()[-20_000:]


async def test_every_operation_keeps_to_its_description(stand: Stand, tmp_path: Path) -> None:
    await keeps_to_it(stand, tmp_path, "fuzzing", examples=3)


@pytest.mark.long
async def test_every_operation_keeps_to_its_description_for_long(stand: Stand, tmp_path: Path) -> None:
    await keeps_to_it(stand, tmp_path, "coverage,fuzzing", examples=100)
