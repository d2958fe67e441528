"""A database that has served for months: rows of every kind that the API lists, made by the database itself.

Few of them are of what a filter may ask for, and those are the oldest: a list that walks past all others shows. Cases
are of some 200 causes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from adapters.ports.recon import Difference, Kind
from adapters.postgres.recon_texts import difference_text
from bench import seed
from bench.load import DAY
from bench.part import Say
from bench.servers import Place
from bench.sizes import Sizes
from gateway.recon.steps import MOST_KEPT
from schemas.standing import Sort, Standing

RARE: Final = 10
"""Rows of a kind that a filter finds at the far end of its list."""
FEW: Final = 1_000
"""Runs, replays, policies, keys, types by source: what people and schedules begin, and programs send."""
PAUSED: Final = 50
"""Pauses that people have begun and not ended."""
TYPE: Final = "timesheet.approved.v1"
KEY: Final = "TS-0"
"""One key with many lines of a timeline, and with many external ids."""
DIFFERENCE: Final = Difference(
    Kind.MISSING, "cost/TS-1/L0",
    Standing(Sort.COST, "TS-1", None, "US01", DAY, Decimal("100.00"), "USD"), None,
)  # fmt: skip

CASES: Final = """
    UPDATE tallystick.cases SET
        owner = CASE WHEN id % 2 = 0 THEN 'sales-ops' END,
        field = CASE WHEN id % 2 = 0 THEN 'lines.' || id % 400 END,
        opened_at = opened_at - id * interval '1 second'
"""
RARE_CASES: Final = f"""
    UPDATE tallystick.cases c SET failure_class = 'timeout', code = 'no_answer', owner = NULL, assignee = 'erin'
    FROM (SELECT id FROM tallystick.cases ORDER BY id DESC LIMIT {RARE}) last WHERE c.id = last.id
"""  # noqa: S608  # a number
CLOSED_CASES: Final = """
    INSERT INTO tallystick.cases (entity, key, ref, failure_class, code, reason, owner, closed_at, closed_how)
    SELECT 'timesheet', 'TS-' || n / 10, seed_id(n), 'mapping', 'rate_missing', 'seeded', NULL, now(), 'retried'
    FROM generate_series($1::bigint, $2::bigint) n
"""
RARE_MESSAGES: Final = f"""
    UPDATE tallystick.inbox i SET
        source = 'urn:example:rare',
        verdict = (ARRAY['ignored', 'stale', 'superseded', 'rejected', 'discarded', 'conflict'])[first.place % 6 + 1]
    FROM (SELECT ref, row_number() OVER () AS place
          FROM (SELECT ref FROM tallystick.inbox WHERE verdict = 'applied' ORDER BY ref LIMIT {6 * RARE}) r) first
    WHERE i.ref = first.ref
"""  # noqa: S608  # a number
TIMELINE: Final = f"""
    INSERT INTO tallystick.timeline (entity, key, entity_version, at, what, ref)
    SELECT t.entity, '{KEY}', n, t.at, t.what, seed_id(n)
    FROM tallystick.timeline t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""  # noqa: S608  # a name of ours
EXTERNALS: Final = f"""
    INSERT INTO tallystick.entity (entity, key, row_version, entity_version, state, state_schema)
    SELECT 'external', CASE WHEN n % 1000 = 0 THEN 'crm' ELSE 'psa' END || '/timesheet/' || n, 1, 1,
           json_build_object('entity', 'timesheet', 'id', CASE WHEN n % 1000 = 0 THEN '{KEY}' ELSE 'TS-' || n END), 1
    FROM generate_series($1::bigint, $2::bigint) n
"""  # noqa: S608  # a name of ours
LETTERS: Final = """
    INSERT INTO tallystick.dead_letter (digest, first_at, last_at, queue, routing_key, failure_class, code, reason,
                                        headers, body, state, settled_at, settled_by, settled_reason)
    SELECT sha256(int8send(n)), now() - n * interval '1 second', now(), 'tallystick.timesheet', 'timesheet.approved',
           'schema', 'field_missing', 'seeded', '{}', '{}', k.state,
           CASE WHEN k.state <> 'buried' THEN now() END, CASE WHEN k.state <> 'buried' THEN 'seed' END,
           CASE WHEN k.state <> 'buried' THEN 'seeded' END
    FROM generate_series($1::bigint, $2::bigint) n,
         LATERAL (SELECT CASE WHEN n % 2 = 0 THEN 'buried' ELSE 'admitted' END AS state) k
"""
RARE_LETTERS: Final = f"""
    UPDATE tallystick.dead_letter d SET
        failure_class = 'auth', code = 'user_unknown', queue = 'tallystick.customer',
        state = CASE WHEN last.place % 2 = 0 THEN 'discarded' ELSE 'buried' END,
        settled_at = CASE WHEN last.place % 2 = 0 THEN now() END,
        settled_by = CASE WHEN last.place % 2 = 0 THEN 'seed' END
    FROM (SELECT digest, row_number() OVER () AS place
          FROM (SELECT digest FROM tallystick.dead_letter ORDER BY first_at LIMIT {2 * RARE}) r) last
    WHERE d.digest = last.digest
"""  # noqa: S608  # a number
ACTS: Final = """
    INSERT INTO tallystick.audit (at, actor, action, entity, key, reason)
    SELECT now() - ($2 - n) * interval '1 second', CASE WHEN n < 10 THEN 'erin' ELSE 'ops' END,
           CASE WHEN n < 10 THEN 'pause.begin' ELSE 'lane.retry' END,
           CASE WHEN n < 10 THEN 'project' ELSE 'timesheet' END, 'TS-' || n / 10, 'seeded'
    FROM generate_series($1::bigint, $2::bigint) n
"""
POLICIES: Final = """
    INSERT INTO tallystick.policy_activation (hash, how, actor, reason, retries)
    SELECT p.hash, 'reload', 'seed', 'seeded', true
    FROM tallystick.policy p, generate_series($1::bigint, $2::bigint) n
"""
POLICY: Final = """
    INSERT INTO tallystick.policy (hash, text, loaded_by, reason) VALUES ('seed', '{}', 'seed', 'seeded')
"""
PAUSES: Final = """
    INSERT INTO tallystick.pause (entity, key, actor, reason)
    SELECT 'project', 'P-' || n, 'seed', 'seeded' FROM generate_series($1::bigint, $2::bigint) n
"""
USES: Final = f"""
    INSERT INTO tallystick.schema_use (source, type, seen)
    SELECT 'urn:example:' || n, '{TYPE}', n FROM generate_series($1::bigint, $2::bigint) n
"""  # noqa: S608  # a name of ours
API_KEYS: Final = """
    INSERT INTO tallystick.api_key (name, digest, permissions, actor, reason, expires_at)
    SELECT 'seed-' || n, sha256(int8send(n)), '{read}', 'seed', 'seeded', now() + interval '90 days'
    FROM generate_series($1::bigint, $2::bigint) n
"""
RUNS: Final = """
    INSERT INTO tallystick.recon_run (system, first_day, last_day, by, click, ended_at, phase, kept)
    SELECT CASE WHEN n < 10 THEN 'psa' ELSE 'erp' END, '2026-03-01', '2026-03-31', 'seed', n::text, now(), 'done', 0
    FROM generate_series($1::bigint, $2::bigint) n
"""
DIFFERENCES: Final = """
    INSERT INTO tallystick.recon_difference (run, number, kind, mark, body)
    SELECT r.run, n, CASE WHEN n > $2 - 10 THEN 'twice' ELSE 'missing' END,
           md5(CASE WHEN n > $2 - 10 THEN r.run ELSE 0 END || '/' || n)::uuid, '{body}'
    FROM generate_series($1::bigint, $2::bigint) n, (VALUES (1), (2)) r(run)
"""
PARTS: Final = """
    INSERT INTO tallystick.recon_parts (run, digests)
    SELECT r.run, tallystick.recon_digests(r.run) FROM (VALUES (1), (2)) r(run)
"""
"""What the end of a run leaves."""
REPLAYS: Final = """
    INSERT INTO tallystick.replay (chosen, by, click, reason, phase, keys, messages, matched, name, rate, started_by,
                                   started_at, ended_at)
    SELECT '{}', 'seed', n::text, 'seeded', CASE WHEN n % 100 = 1 THEN 'ready' ELSE 'done' END, 1, 1, 1, 'seeded', 1,
           'seed', CASE WHEN n % 100 <> 1 THEN now() END, CASE WHEN n % 100 <> 1 THEN now() END
    FROM generate_series($1::bigint, $2::bigint) n
"""
ITEMS: Final = """
    INSERT INTO tallystick.replay_item (replay, number, ref, entity, key, source, event_id, type, was, is_chosen,
                                        predicted, prediction, outcome, verdict)
    SELECT 1, n, seed_id(n), 'timesheet', 'TS-PARKED-' || n, 'urn:example:psa', n::text, 'timesheet.approved.v1',
           'parked', true, k.verdict, json_build_object('verdict', k.verdict, 'reason', NULL)::text, k.outcome,
           k.verdict
    FROM generate_series($1::bigint, $2::bigint) n,
         LATERAL (SELECT CASE WHEN n > $2 - 10 THEN 'stale' ELSE 'applied' END AS verdict,
                         CASE WHEN n > $2 - 10 THEN 'otherwise' ELSE 'as_planned' END AS outcome) k
"""


async def fill(place: Place, sizes: Sizes, say: Say) -> None:
    """Rows of every kind in a database that `seed.prepare` has made."""
    cases = sizes.stored_cases
    await seed.copied(place, seed.ORDERED, 0, sizes.stored - cases)
    await seed.copied(place, seed.KEYS, 0, (sizes.stored - cases) // 10)
    for what in (seed.PARKED_LANES, seed.PARKED_MESSAGES, seed.PARKED_CASES):
        await seed.copied(place, what, sizes.stored - cases, sizes.stored)  # the newest
    for what in (CASES, RARE_CASES, RARE_MESSAGES, POLICY):
        await place.fetch(what)
    differences = DIFFERENCES.replace("{body}", difference_text(DIFFERENCE).replace("'", "''"))
    for what, count in (
        (CLOSED_CASES, cases), (TIMELINE, cases), (EXTERNALS, cases), (LETTERS, cases), (ACTS, cases),
        (POLICIES, FEW), (PAUSES, PAUSED), (RUNS, FEW), (differences, MOST_KEPT), (REPLAYS, FEW), (ITEMS, cases),
        (USES, FEW), (API_KEYS, FEW),
    ):  # fmt: skip
        await seed.copied(place, what, 0, count)
    for what in (RARE_LETTERS, PARTS):
        await place.fetch(what)
    await seed.tidied(place)
    say(f"{sizes.stored:,} messages, {cases:,} cases, and as many rows of each other kind stand in the database")
