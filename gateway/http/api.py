"""The API of the operators: every route with the permission that it needs, behind one guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.callers import Permission
from gateway.http.access import Access, guard
from gateway.http.acts import Acts
from gateway.http.answers import secure
from gateway.http.bindings import BindingActs
from gateway.http.case_acts import CaseActing
from gateway.http.cases import CaseViews
from gateway.http.entities import EntityViews
from gateway.http.kpis import KpiViews
from gateway.http.letter_acts import LetterActs
from gateway.http.mappings import Mappings
from gateway.http.pauses import Pausing
from gateway.http.problems import problems
from gateway.http.reconciliations import Reconciliations
from gateway.http.requests import BODY_BYTES
from gateway.http.restores import RestoreActs
from gateway.http.systems import Systems
from gateway.http.trials import Trials
from gateway.http.views import Views
from schemas.acts import Act


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the API. `path` is a template of aiohttp's; its parts may hold braces, so they name their pattern.

    `further`: what else it takes, where it answers with what another permission protects.
    """

    method: str
    path: str
    permission: Permission
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    further: frozenset[Permission] = frozenset()


@dataclass(frozen=True, slots=True)
class Operators:
    """What operators may see and do, by subject."""

    acts: Acts
    pausing: Pausing
    systems: Systems
    letters: LetterActs
    restores: RestoreActs
    entities: EntityViews
    mappings: Mappings
    cases: CaseViews
    case_acts: CaseActing
    bindings: BindingActs
    trials: Trials
    reconciliations: Reconciliations
    kpis: KpiViews


def routes(views: Views, operators: Operators) -> tuple[Route, ...]:
    """All of the API; what does not stand here is refused."""
    read, entities, settle, operate = Permission.READ, Permission.ENTITIES, Permission.SETTLE, Permission.OPERATE
    lane = "/v1/lanes/{entity:[^/]+}/{key:[^/]+}"
    return (
        Route(hdrs.METH_GET, "/v1/status", read, views.status),
        Route(hdrs.METH_POST, "/v1/events/validate/{type}", entities, operators.trials.validate),
        Route(hdrs.METH_GET, "/v1/messages", read, views.messages),
        Route(hdrs.METH_GET, "/v1/messages/{ref}", read, views.message),
        Route(hdrs.METH_GET, "/v1/lanes", read, views.lanes),
        Route(hdrs.METH_GET, lane, read, views.lane),
        Route(hdrs.METH_POST, f"{lane}/retry", operate, operators.acts.retry),
        Route(hdrs.METH_POST, f"{lane}/discard", operate, operators.acts.discard),
        Route(hdrs.METH_POST, f"{lane}/close-gap", operate, operators.acts.close_gap),
        Route(hdrs.METH_POST, f"{lane}/settle", operate, operators.acts.settle),
        Route(hdrs.METH_POST, f"{lane}/pause", operate, operators.pausing.begin_lane),
        Route(hdrs.METH_POST, f"{lane}/resume", operate, operators.pausing.end_lane),
        Route(hdrs.METH_GET, "/v1/entities/{entity:[^/]+}/{key:[^/]+}", entities, operators.entities.entity),
        Route(hdrs.METH_GET, "/v1/pauses", read, operators.pausing.active),
        Route(hdrs.METH_POST, "/v1/pauses", operate, operators.pausing.begin),
        Route(hdrs.METH_DELETE, "/v1/pauses/{id}", operate, operators.pausing.end),
        Route(hdrs.METH_GET, "/v1/systems", read, operators.systems.systems),
        Route(hdrs.METH_GET, "/v1/systems/{name}", read, operators.systems.system),
        Route(hdrs.METH_POST, "/v1/systems/{name}/pause", operate, operators.systems.pause),
        Route(hdrs.METH_POST, "/v1/systems/{name}/resume", operate, operators.systems.resume),
        Route(hdrs.METH_GET, "/v1/cases", read, operators.cases.listed),
        Route(hdrs.METH_GET, "/v1/cases.csv", read, operators.cases.file),
        Route(hdrs.METH_GET, "/v1/cases/{id}", read, operators.cases.one),
        Route(hdrs.METH_PATCH, "/v1/cases/{id}", settle, operators.case_acts.edit),
        Route(hdrs.METH_POST, "/v1/cases/{id}/settle", settle, operators.case_acts.settle),
        Route(hdrs.METH_POST, f"/v1/cases/{{id}}/{{act:{'|'.join(Act)}}}", settle, operators.case_acts.act),
        Route(hdrs.METH_GET, "/v1/dead-letters", read, views.dead_letters),
        Route(hdrs.METH_POST, "/v1/dead-letters/retry", operate, operators.letters.retry_many),
        Route(hdrs.METH_GET, "/v1/dead-letters/{digest}", read, views.dead_letter),
        Route(hdrs.METH_GET, "/v1/dead-letters/{digest}/payload", operate, operators.letters.payload),
        Route(hdrs.METH_POST, "/v1/dead-letters/{digest}/retry", operate, operators.letters.retry),
        Route(hdrs.METH_POST, "/v1/dead-letters/{digest}/discard", operate, operators.letters.discard),
        Route(hdrs.METH_GET, "/v1/mappings", read, operators.mappings.history),
        Route(hdrs.METH_POST, "/v1/mappings/reload", operate, operators.mappings.reload),
        Route(hdrs.METH_POST, "/v1/mappings/rollback", operate, operators.mappings.roll_back),
        Route(hdrs.METH_GET, "/v1/bindings", read, operators.bindings.bindings),
        Route(hdrs.METH_POST, "/v1/bindings/import", operate, operators.bindings.import_),
        Route(hdrs.METH_GET, "/v1/reconciliations", read, operators.reconciliations.runs),
        Route(hdrs.METH_POST, "/v1/reconciliations", operate, operators.reconciliations.start),
        Route(hdrs.METH_GET, "/v1/reconciliations/{id}", read, operators.reconciliations.run),
        Route(hdrs.METH_GET, "/v1/reconciliations/{id}/differences", entities, operators.reconciliations.differences),
        Route(hdrs.METH_GET, "/v1/reconciliations/{id}/compare", entities, operators.reconciliations.compare),
        Route(hdrs.METH_POST, "/v1/reconciliations/{id}/cancel", operate, operators.reconciliations.cancel),
        Route(
            hdrs.METH_POST,
            "/v1/reconciliations/{id}/plan",
            operate,
            operators.reconciliations.plan,
            frozenset({entities}),
        ),
        Route(hdrs.METH_GET, "/v1/kpis", read, operators.kpis.kpis),
        Route(hdrs.METH_GET, "/v1/restore", read, operators.restores.show),
        Route(hdrs.METH_POST, "/v1/restore", operate, operators.restores.declare),
        Route(hdrs.METH_POST, "/v1/restore/release", operate, operators.restores.release),
        Route(hdrs.METH_POST, "/v1/restore/end", operate, operators.restores.end),
    )


def api(table: Sequence[Route], access: Access) -> web.Application:
    """The application of `table`. HEAD is answered wherever GET is."""
    permissions: dict[tuple[str, str], frozenset[Permission]] = {}
    app = web.Application(middlewares=[problems, guard(access, permissions)], client_max_size=BODY_BYTES)
    for route in table:
        resource = app.router.add_resource(route.path)
        methods = [route.method] if route.method != hdrs.METH_GET else [hdrs.METH_GET, hdrs.METH_HEAD]
        for method in methods:
            resource.add_route(method, route.answer)
            permissions[method, resource.canonical] = route.further | {route.permission}
    app.on_response_prepare.append(secure)
    return app
