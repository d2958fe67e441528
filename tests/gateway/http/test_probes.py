"""Probes: what makes them false, and how they say why."""

from __future__ import annotations

from tests.gateway.http.stand import Stand, until

READY = """\
[+]tasks ok
[+]postgresql ok
[+]consumers ok
[+]publisher ok
[+]draining ok
[+]policy ok
readyz check passed
"""


async def ready(stand: Stand) -> None:
    async def is_ready() -> bool:
        return (await stand.ops("/readyz")).status == 200

    await until(is_ready, 5)


async def test_a_ready_process_says_ok(stand: Stand) -> None:
    await ready(stand)
    for path in ("/livez", "/readyz", "/startupz"):
        page = await stand.ops(path)
        assert (page.status, page.text) == (200, "ok\n")
        assert page.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"


async def test_verbose_lists_each_check(stand: Stand) -> None:
    await ready(stand)
    assert (await stand.ops("/readyz?verbose")).text == READY


async def test_draining_makes_it_unready_and_not_dead(stand: Stand) -> None:
    await ready(stand)
    stand.health.is_draining = True
    page = await stand.ops("/readyz")
    assert page.status == 503
    assert page.text == "[-]draining failed: the process is shutting down\n"
    assert "[+]postgresql ok\n[+]consumers ok" in (await stand.ops("/readyz?verbose")).text
    assert (await stand.ops("/livez")).status == 200


async def test_a_process_that_decides_by_an_older_policy_is_ready_and_says_so(stand: Stand) -> None:
    await ready(stand)
    stand.health.deciding(lambda: "0123456789ab")
    page = await stand.ops("/readyz?verbose")
    assert page.status == 200
    assert "[+]policy ok, behind: 0123456789ab is in force, which this release cannot read" in page.text
    async with stand.session.get(
        f"{stand.addresses.operations}/readyz", headers={"Accept": "application/json"}
    ) as answer:
        [policy] = [check for check in (await answer.json())["checks"] if check["name"] == "policy"]
    assert (policy["ok"], policy["detail"].startswith("behind: 0123456789ab")) == (True, True)


async def test_a_dead_task_makes_it_dead(alone: Stand) -> None:
    alone.health.died("committer-0")
    page = await alone.ops("/livez?verbose")
    assert page.status == 503
    assert page.text == "[-]tasks failed: committer-0 has ended; see /runbook/tasks\nlivez check failed\n"


async def test_it_has_not_started_before_its_consumers_stand(alone: Stand) -> None:
    alone.health.has_started = False
    page = await alone.ops("/startupz")
    assert (page.status, page.text) == (503, "[-]started failed: the consumers are not registered yet\n")


async def test_a_start_that_looks_at_lanes_says_so(alone: Stand) -> None:
    alone.health.has_started = False
    alone.health.starting("looking at lanes of before, 7 done")
    page = await alone.ops("/startupz")
    assert (page.status, page.text) == (503, "[-]started failed: looking at lanes of before, 7 done\n")


async def test_a_program_gets_json(stand: Stand) -> None:
    await ready(stand)
    stand.health.is_draining = True
    page = await stand.ops("/readyz", Accept="application/json")
    assert page.status == 503
    assert page.json["status"] == "failed"
    assert page.json["checks"] == [
        {
            "name": name, "ok": name != "draining",
            "detail": "the process is shutting down" if name == "draining" else "", "page": f"/runbook/{name}",
        }
        for name in ("tasks", "postgresql", "consumers", "publisher", "draining", "policy")
    ]  # fmt: skip


async def test_the_version_is_told(alone: Stand) -> None:
    page = await alone.ops("/version")
    assert page.json["name"] == "tallystick"
    assert page.json["version"]
