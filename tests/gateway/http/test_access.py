"""Who may ask: nobody without the token, and nothing that no route permits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.ports.reach import Reach
from adapters.postgres.api_keys import PostgresApiKeys
from adapters.postgres.approvals import PostgresApprovals
from adapters.postgres.audit import PostgresAudit
from adapters.postgres.bindings import PostgresBindings
from adapters.postgres.cases import PostgresCases
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.entities import PostgresEntities
from adapters.postgres.gates import PostgresGates
from adapters.postgres.kpis import PostgresKpis
from adapters.postgres.lane_acts import PostgresLaneActs
from adapters.postgres.message_acts import PostgresMessageActs
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.pauses import PostgresPauses
from adapters.postgres.policies import PostgresPolicies
from adapters.postgres.positions import PostgresReaders
from adapters.postgres.reads import PostgresReads
from adapters.postgres.recon import PostgresRuns
from adapters.postgres.recon_plans import PostgresPlans
from adapters.postgres.replays import PostgresReplays
from adapters.postgres.restores import PostgresRestores
from adapters.postgres.reveals import PostgresReveals
from adapters.postgres.schema_uses import PostgresSchemaUses
from gateway.backoff import Backoff
from gateway.bindings.importing import Importing
from gateway.callers import BUNDLES, Bundle, Caller, Permission, digest
from gateway.four_eyes import FourEyes
from gateway.health import Health
from gateway.http.access import Access
from gateway.http.acts import Acts
from gateway.http.api import Operators, api, routes
from gateway.http.api_keys import ApiKeyActs
from gateway.http.approvals import SecondPerson
from gateway.http.audit import AuditViews
from gateway.http.bindings import BindingActs
from gateway.http.case_acts import CaseActing
from gateway.http.cases import CaseViews
from gateway.http.entities import EntityViews
from gateway.http.kpis import KpiViews
from gateway.http.letter_acts import LetterActs
from gateway.http.mappings import Mappings
from gateway.http.message_acts import MessageActing
from gateway.http.message_payloads import MessagePayloads
from gateway.http.pauses import Pausing
from gateway.http.rates import Rates
from gateway.http.readings import Readings
from gateway.http.reconciliations import Reconciliations
from gateway.http.replays import ReplayRoutes
from gateway.http.restores import RestoreActs
from gateway.http.schemas import SchemaViews
from gateway.http.scopes import Scopes
from gateway.http.systems import Systems
from gateway.http.trials import Trials
from gateway.http.views import Views
from gateway.ids import time_ordered_id
from gateway.kpis.objectives import Objectives
from gateway.policies import PolicyBook
from gateway.policy_disk import PolicyDisk
from gateway.policy_file import parse_policy
from gateway.settings import SettingsInvalid
from tests.gateway.http.stand import (
    EXAMPLE,
    NOBODY,
    TOKEN,
    Customers,
    PlansTold,
    Stand,
    listening,
    readmission,
    trial,
)

CHALLENGE = 'Bearer realm="tallystick"'
CALLERS = Access(
    {
        digest(b"reader"): Caller("reader", frozenset({Permission.READ})),
        digest(b"operator"): Caller("operator", BUNDLES[Bundle.OPERATOR]),
        digest(b"stranger"): Caller("stranger", frozenset()),
        digest(b"nowhere"): Caller("nowhere", frozenset(Permission), reach=Reach(entities=frozenset())),
    }
)
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def app(database_url: str) -> web.Application:
    """The API for callers who may do little, with one route that nobody gave a permission."""
    reads, lanes, pauses = PostgresReads(database_url), PostgresLaneActs(database_url), PostgresPauses(database_url)
    gates, restores = PostgresGates(database_url), PostgresRestores(database_url)
    overdue = PostgresOverdue(database_url)
    views = Views(reads, restores, Health(reads, MemoryPublishing(MemoryBroker())), "1.2.3")
    letters = PostgresDeadLetters(database_url)
    acts, pausing = Acts(lanes, lambda _: None), Pausing(pauses, lambda: None)
    readings = Readings(PostgresReaders(database_url), [])
    systems = Systems(gates, overdue, restores, readings, {}, lambda _: None)
    second_person = SecondPerson(PostgresApprovals(database_url), FourEyes)
    again, entities = LetterActs(letters, readmission(letters), second_person), PostgresEntities(database_url)
    reveals = PostgresReveals(database_url)
    shown, policies = EntityViews(entities, reads, reveals), PostgresPolicies(database_url)
    mappings = Mappings(PolicyBook(parse_policy(EXAMPLE, "policy.yaml"), policies, Backoff(), PolicyDisk(None)))
    cases, bindings, kpis = PostgresCases(database_url), PostgresBindings(database_url), PostgresKpis(database_url)
    audit = PostgresAudit(database_url)
    replays, messages = PostgresReplays(database_url), PostgresMessageActs(database_url)
    acting = CaseActing(cases, cases, lanes, NOBODY, lambda _: None)
    customers = Customers(PostgresCommits(database_url))
    importing = Importing(bindings, customers, time_ordered_id)
    imports = BindingActs(bindings, importing, lambda: ((), {}), second_person)
    commits, keys, uses = PostgresCommits(database_url), PostgresApiKeys(database_url), PostgresSchemaUses(database_url)
    trials = Trials(trial(commits, entities), lambda: None)
    runs, plans = PostgresRuns(database_url), PostgresPlans(database_url)
    reconciliations = Reconciliations(runs, plans, PlansTold(), {}, (), gates, lambda: None)
    scopes = Scopes(entities, cases, reads)
    operators = Operators(
        scopes, acts, pausing, systems, again, RestoreActs(restores), shown, mappings, CaseViews(cases), acting,
        imports, trials, reconciliations, KpiViews(kpis, Objectives), AuditViews(audit), MessagePayloads(reveals),
        second_person, ReplayRoutes(replays, second_person, lambda: None, (), sent_days=60),
        MessageActing(messages, trials, lambda _: None), ApiKeyActs(keys), SchemaViews(uses),
    )  # fmt: skip
    app = api(routes(views, operators), CALLERS, Rates(100_000), scopes)
    app.router.add_get("/v1/forgotten", views.status)

    stores = (
        reads,
        lanes,
        pauses,
        gates,
        entities,
        overdue,
        letters,
        policies,
        restores,
        cases,
        bindings,
        commits,
        runs,
        plans,
        kpis,
        audit,
        reveals,
        replays,
        messages,
        keys,
        uses,
    )

    async def close(_: web.Application) -> None:
        for store in stores:
            await store.close()

    app.on_cleanup.append(close)
    return app


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[Client]:
    """A client of that API."""
    async with TestClient(TestServer(app)) as client:
        yield client


async def statuses(app: web.Application, client: Client, headers: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """What each route that the application has answers."""
    found: dict[tuple[str, str], int] = {}
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical.format(
            entity="timesheet",
            key="T-1",
            ref="8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f",
            id="1",
            name="erp",
            digest="00",
            type="timesheet.approved.v1",
            act="retry",
            what="ab" * 32,
        )
        async with client.request(route.method, path, headers=headers) as answer:
            found[route.method, route.resource.canonical] = answer.status
    return found


async def test_no_route_answers_without_a_token(app: web.Application, client: Client) -> None:
    found = await statuses(app, client, {})
    assert len(found) > 15
    assert set(found.values()) == {401}


async def test_no_route_answers_beyond_its_permission(app: web.Application, client: Client) -> None:
    found = await statuses(app, client, {"Authorization": "Bearer reader"})
    lane, runs = "/v1/lanes/{entity}/{key}", "/v1/reconciliations"
    refused = {route for route, status in found.items() if status == 403}
    assert refused == {
        ("POST", f"{lane}/retry"),
        ("POST", f"{lane}/discard"),
        ("POST", f"{lane}/undiscard"),
        ("POST", "/v1/messages/{ref}/edit"),
        ("POST", "/v1/messages/{ref}/force"),
        ("POST", f"{lane}/close-gap"),
        ("POST", f"{lane}/settle"),
        ("POST", f"{lane}/pause"),
        ("POST", f"{lane}/resume"),
        ("PATCH", "/v1/cases/{id}"),
        ("POST", "/v1/cases/{id}/{act}"),
        ("POST", "/v1/cases/{id}/settle"),
        ("POST", "/v1/bindings/import"),
        ("POST", "/v1/pauses"),
        ("DELETE", "/v1/pauses/{id}"),
        ("POST", "/v1/systems/{name}/pause"),
        ("POST", "/v1/systems/{name}/resume"),
        ("POST", "/v1/dead-letters/retry"),
        ("POST", "/v1/approvals/{what}"),
        ("POST", "/v1/dead-letters/{digest}/retry"),
        ("POST", "/v1/dead-letters/{digest}/discard"),
        ("GET", "/v1/dead-letters/{digest}/payload"),
        ("HEAD", "/v1/dead-letters/{digest}/payload"),
        ("POST", "/v1/mappings/reload"),
        ("POST", "/v1/mappings/rollback"),
        ("POST", "/v1/restore"),
        ("POST", "/v1/restore/release"),
        ("POST", "/v1/restore/end"),
        ("POST", "/v1/events/validate/{type}"),
        ("GET", "/v1/messages/{ref}/payload"),
        ("HEAD", "/v1/messages/{ref}/payload"),
        ("GET", "/v1/audit"),
        ("HEAD", "/v1/audit"),
        ("GET", "/v1/audit/head"),
        ("HEAD", "/v1/audit/head"),
        ("GET", "/v1/audit/verify"),
        ("HEAD", "/v1/audit/verify"),
        ("POST", runs),
        ("GET", f"{runs}/{{id}}/differences"),
        ("HEAD", f"{runs}/{{id}}/differences"),
        ("GET", f"{runs}/{{id}}/compare"),
        ("HEAD", f"{runs}/{{id}}/compare"),
        ("POST", f"{runs}/{{id}}/cancel"),
        ("POST", f"{runs}/{{id}}/plan"),
        ("POST", "/v1/replays/plans"),
        ("POST", "/v1/replays/plans/sent"),
        ("POST", "/v1/replays"),
        ("GET", "/v1/replays/{id}/items"),
        ("HEAD", "/v1/replays/{id}/items"),
        ("POST", "/v1/replays/{id}/pause"),
        ("POST", "/v1/replays/{id}/resume"),
        ("POST", "/v1/replays/{id}/cancel"),
        ("GET", "/v1/entities/{entity}/{key}"),
        ("HEAD", "/v1/entities/{entity}/{key}"),
        ("GET", "/v1/api-keys"),
        ("HEAD", "/v1/api-keys"),
        ("POST", "/v1/api-keys"),
        ("DELETE", "/v1/api-keys/{id}"),
        ("GET", "/v1/forgotten"),
        ("HEAD", "/v1/forgotten"),
    }
    assert {status for route, status in found.items() if route not in refused} == {200, 404}


async def test_what_an_operator_may_not_do(app: web.Application, client: Client) -> None:
    found = await statuses(app, client, {"Authorization": "Bearer operator"})
    refused = {path for (method, path), status in found.items() if status == 403 and method != "HEAD"}
    assert refused == {
        "/v1/restore", "/v1/restore/release", "/v1/restore/end", "/v1/messages/{ref}/payload",
        "/v1/dead-letters/{digest}/payload", "/v1/audit", "/v1/audit/head", "/v1/audit/verify", "/v1/api-keys",
        "/v1/api-keys/{id}", "/v1/replays/plans/sent", "/v1/forgotten",
    }  # fmt: skip
    assert found["GET", "/v1/restore"] == 200


async def test_every_route_demands_a_permission(app: web.Application, client: Client) -> None:
    found = await statuses(app, client, {"Authorization": "Bearer stranger"})
    assert len(found) > 60
    assert set(found.values()) == {403}


async def test_nothing_is_shown_to_a_caller_who_reaches_nothing(app: web.Application, client: Client) -> None:
    found = await statuses(app, client, {"Authorization": "Bearer nowhere"})
    shown = {route for route, status in found.items() if status != 403}
    # Those that name no entity, and the lists that are chosen from within a reach
    paths = ("/v1/status", "/v1/me", "/v1/systems", "/v1/systems/{name}", "/v1/cases", "/v1/cases.csv")
    assert shown == {(method, path) for path in paths for method in ("GET", "HEAD")}


async def test_every_path_and_method_is_refused_without_a_token(alone: Stand) -> None:
    for method, path in (("GET", "/"), ("GET", "/v2/status"), ("DELETE", "/v1/status"), ("OPTIONS", "/v1/status")):
        page = await alone.api(method, path)
        assert page.status == 401, path
        assert "Authorization: Bearer" in page.detail
        assert page.headers["WWW-Authenticate"] == CHALLENGE


@pytest.mark.parametrize(
    "value", [TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
async def test_another_token_is_refused(alone: Stand, value: str) -> None:
    page = await alone.api("GET", "/v1/status", Authorization=value)
    assert page.status == 401
    assert TOKEN not in page.text
    assert page.headers["WWW-Authenticate"].startswith(CHALLENGE)


async def test_the_scheme_is_read_in_any_case(alone: Stand) -> None:
    assert (await alone.api("GET", "/v1/none", Authorization=f"bearer {TOKEN}")).status == 404


async def test_without_a_token_file_everything_is_refused_and_told_why() -> None:
    async with listening("postgresql://127.0.0.1:1/none", None) as stand:
        for path in ("/v1/status", "/v1/unknown"):
            page = await stand.get(path)
            assert (page.status, page.json["type"]) == (403, "/problems/token-not-set")
            assert "TALLYSTICK_API_TOKEN_FILE" in page.detail
        assert (await stand.ops("/livez")).status == 200


def test_a_token_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"TALLYSTICK_API_TOKEN_FILE: .*No such file"):
        Access.from_files(tmp_path / "none", None)
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(SettingsInvalid, match="is empty: write a long random token"):
        Access.from_files(empty, None)


async def test_every_answer_is_kept_from_caches_and_guesses(alone: Stand) -> None:
    for page in (await alone.get("/v1/status"), await alone.get("/v1/none"), await alone.api("GET", "/v1/status")):
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Server"] == "tallystick"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
