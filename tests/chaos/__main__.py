"""`make chaos`: a run on private servers, its report, and exit code 1 where a promise was broken or too little hit."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import tempfile
from pathlib import Path

import click
import orjson
import uvloop

from tests.chaos.run import Plan, chaos
from tests.chaos.verdict import Verdict, judge
from tests.checker.check import check


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0), default=0, help="How long faults last.")
@click.option("--seconds", type=click.FloatRange(min=0), default=0, help="The same in seconds; both add up.")
@click.option("--seed", type=int, default=None, help="Which faults, in which order; drawn if left out.")
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for chaos.json, chaos.txt, and the logs."
)
def main(minutes: float, seconds: float, seed: int | None, report: Path | None) -> None:
    """Torment a gateway on real servers, and check that it kept its promises."""
    plan = Plan(minutes * 60 + seconds or 60, secrets.randbelow(1 << 31) if seed is None else seed)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # connections are lost all the time here
    click.echo(f"chaos for {plan.seconds:.0f} s, seed {plan.seed}")
    if report is None:
        with tempfile.TemporaryDirectory() as folder:
            verdict = uvloop.run(_run(plan, Path(folder)))
    else:
        logs = report / f"logs-{plan.seed}"
        logs.mkdir(parents=True, exist_ok=True)
        verdict = uvloop.run(_run(plan, logs))
        (report / "chaos.json").write_bytes(orjson.dumps(verdict.as_json(), option=orjson.OPT_INDENT_2))
        (report / "chaos.txt").write_text(f"{verdict.text()}\n", encoding="utf-8")
    click.echo(verdict.text())
    sys.exit(0 if verdict.is_good else 1)


async def _run(plan: Plan, folder: Path) -> Verdict:
    evidence = await chaos(plan, folder, click.echo)
    return judge(plan, await asyncio.to_thread(check, evidence))


if __name__ == "__main__":
    main()
