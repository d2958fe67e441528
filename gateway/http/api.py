"""The API of the operators: every route with the permission that it needs, behind one guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.callers import Permission
from gateway.http.access import Access, Needs, guard
from gateway.http.acts import Acts
from gateway.http.answers import secure
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
from gateway.http.me import me
from gateway.http.message_acts import MessageActing
from gateway.http.message_payloads import MessagePayloads
from gateway.http.pauses import Pausing
from gateway.http.problems import problems
from gateway.http.rates import Rates
from gateway.http.reconciliations import Reconciliations
from gateway.http.replays import ReplayRoutes
from gateway.http.requests import BODY_BYTES
from gateway.http.restores import RestoreActs
from gateway.http.schemas import SchemaViews
from gateway.http.scopes import About, Scopes
from gateway.http.systems import Systems
from gateway.http.trials import Trials
from gateway.http.views import Views
from schemas.acts import Act


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the API. `path` is a template of aiohttp's; its parts may hold braces, so they name their pattern.

    Without a permission anybody may ask it: of the pages about the API alone (`gateway.http.description.served`).
    `further`: what else it takes, where it answers with what another permission protects.
    """

    method: str
    path: str
    permission: Permission | None
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    about: About = About.EVERYTHING
    further: frozenset[Permission] = frozenset()

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that a caller must have; none: anybody may ask."""
        return frozenset() if self.permission is None else self.further | {self.permission}


@dataclass(frozen=True, slots=True)
class Operators:
    """What operators may see and do, by subject."""

    scopes: Scopes
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
    audit: AuditViews
    message_payloads: MessagePayloads
    second_person: SecondPerson
    replays: ReplayRoutes
    message_acts: MessageActing
    api_keys: ApiKeyActs
    schemas: SchemaViews


def routes(views: Views, operators: Operators) -> tuple[Route, ...]:
    """All of the API; what does not stand here is refused."""
    read, entities, settle, operate = Permission.READ, Permission.ENTITIES, Permission.SETTLE, Permission.OPERATE
    audit, reveal, administer = Permission.AUDIT, Permission.REVEAL, Permission.ADMINISTER
    key = "{entity:[^/]+}/{key:[^/]+}"
    lane = f"/v1/lanes/{key}"
    letter = "/v1/dead-letters/{digest:(?!retry$)[^/]+}"  # what is done to many has a path of its own
    plan = "/v1/replays/plans/{id:(?!sent$)[^/]+}"
    return (
        Route(hdrs.METH_GET, "/v1/status", read, views.status, About.NO_ENTITY),
        Route(hdrs.METH_GET, "/v1/me", read, me, About.NO_ENTITY),
        Route(hdrs.METH_POST, "/v1/events/validate/{type}", entities, operators.trials.validate),
        Route(hdrs.METH_GET, "/v1/messages", read, views.messages),
        Route(hdrs.METH_GET, "/v1/messages/{ref}", read, views.message, About.MESSAGE),
        Route(hdrs.METH_GET, "/v1/messages/{ref}/payload", reveal, operators.message_payloads.payload, About.MESSAGE),
        Route(hdrs.METH_POST, "/v1/messages/{ref}/edit", operate, operators.message_acts.edit, About.MESSAGE),
        Route(hdrs.METH_POST, "/v1/messages/{ref}/force", operate, operators.message_acts.force, About.MESSAGE),
        Route(hdrs.METH_GET, "/v1/lanes", read, views.lanes),
        Route(hdrs.METH_GET, lane, read, views.lane, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/retry", operate, operators.acts.retry, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/discard", operate, operators.acts.discard, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/undiscard", operate, operators.message_acts.undiscard, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/close-gap", operate, operators.acts.close_gap, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/settle", operate, operators.acts.settle, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/pause", operate, operators.pausing.begin_lane, About.LANE),
        Route(hdrs.METH_POST, f"{lane}/resume", operate, operators.pausing.end_lane, About.LANE),
        Route(hdrs.METH_GET, f"/v1/entities/{key}", entities, operators.entities.entity, About.ENTITY),
        Route(hdrs.METH_GET, "/v1/pauses", read, operators.pausing.active),
        Route(hdrs.METH_POST, "/v1/pauses", operate, operators.pausing.begin),
        Route(hdrs.METH_DELETE, "/v1/pauses/{id}", operate, operators.pausing.end),
        Route(hdrs.METH_GET, "/v1/systems", read, operators.systems.systems, About.NO_ENTITY),
        Route(hdrs.METH_GET, "/v1/systems/{name}", read, operators.systems.system, About.NO_ENTITY),
        Route(hdrs.METH_POST, "/v1/systems/{name}/test", operate, operators.systems.test),
        Route(hdrs.METH_POST, "/v1/systems/{name}/pause", operate, operators.systems.pause),
        Route(hdrs.METH_POST, "/v1/systems/{name}/resume", operate, operators.systems.resume),
        Route(hdrs.METH_GET, "/v1/cases", read, operators.cases.listed, About.LIST),
        Route(hdrs.METH_GET, "/v1/cases.csv", read, operators.cases.file, About.LIST),
        Route(hdrs.METH_GET, "/v1/cases/{id}", read, operators.cases.one, About.CASE),
        Route(hdrs.METH_PATCH, "/v1/cases/{id}", settle, operators.case_acts.edit, About.CASE),
        Route(hdrs.METH_POST, "/v1/cases/{id}/settle", settle, operators.case_acts.settle, About.CASE),
        Route(hdrs.METH_POST, f"/v1/cases/{{id}}/{{act:{'|'.join(Act)}}}", settle, operators.case_acts.act, About.CASE),
        Route(hdrs.METH_GET, "/v1/dead-letters", read, views.dead_letters),
        Route(hdrs.METH_POST, "/v1/dead-letters/retry", operate, operators.letters.retry_many),
        Route(hdrs.METH_GET, letter, read, views.dead_letter),
        Route(hdrs.METH_GET, f"{letter}/payload", reveal, operators.letters.payload),
        Route(hdrs.METH_POST, f"{letter}/retry", operate, operators.letters.retry),
        Route(hdrs.METH_POST, f"{letter}/discard", operate, operators.letters.discard),
        Route(hdrs.METH_GET, "/v1/mappings", read, operators.mappings.history),
        Route(hdrs.METH_POST, "/v1/mappings/reload", operate, operators.mappings.reload),
        Route(hdrs.METH_POST, "/v1/mappings/rollback", operate, operators.mappings.roll_back),
        Route(hdrs.METH_GET, "/v1/bindings", read, operators.bindings.bindings),
        Route(hdrs.METH_POST, "/v1/bindings/import", operate, operators.bindings.import_),
        Route(hdrs.METH_POST, "/v1/approvals/{what}", operate, operators.second_person.give),
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
            further=frozenset({entities}),
        ),
        Route(hdrs.METH_POST, "/v1/replays/plans", operate, operators.replays.plan),
        Route(hdrs.METH_POST, "/v1/replays/plans/sent", administer, operators.replays.plan_sent),
        Route(hdrs.METH_GET, "/v1/replays/plans", read, operators.replays.plans),
        Route(hdrs.METH_GET, plan, read, operators.replays.planned),
        Route(hdrs.METH_POST, "/v1/replays", operate, operators.replays.start),
        Route(hdrs.METH_GET, "/v1/replays", read, operators.replays.replays),
        Route(hdrs.METH_GET, "/v1/replays/{id}", read, operators.replays.replay),
        Route(hdrs.METH_GET, "/v1/replays/{id}/items", entities, operators.replays.items),
        Route(hdrs.METH_POST, "/v1/replays/{id}/pause", operate, operators.replays.pause),
        Route(hdrs.METH_POST, "/v1/replays/{id}/resume", operate, operators.replays.resume),
        Route(hdrs.METH_POST, "/v1/replays/{id}/cancel", operate, operators.replays.cancel),
        Route(hdrs.METH_GET, "/v1/kpis", read, operators.kpis.kpis),
        Route(hdrs.METH_GET, "/v1/audit", audit, operators.audit.listed),
        Route(hdrs.METH_GET, "/v1/audit/head", audit, operators.audit.head),
        Route(hdrs.METH_GET, "/v1/audit/verify", audit, operators.audit.verify),
        Route(hdrs.METH_GET, "/v1/schemas", read, operators.schemas.uses),
        Route(hdrs.METH_GET, "/v1/api-keys", administer, operators.api_keys.keys),
        Route(hdrs.METH_POST, "/v1/api-keys", administer, operators.api_keys.make),
        Route(hdrs.METH_DELETE, "/v1/api-keys/{id}", administer, operators.api_keys.revoke),
        Route(hdrs.METH_GET, "/v1/restore", read, operators.restores.show),
        Route(hdrs.METH_POST, "/v1/restore", administer, operators.restores.declare),
        Route(hdrs.METH_POST, "/v1/restore/release", administer, operators.restores.release),
        Route(hdrs.METH_POST, "/v1/restore/end", administer, operators.restores.end),
    )


def api(table: Sequence[Route], access: Access, rates: Rates, scopes: Scopes) -> web.Application:
    """The application of `table`. HEAD is answered wherever GET is."""
    needs: dict[tuple[str, str], Needs] = {}
    app = web.Application(middlewares=[problems, guard(access, rates, scopes, needs)], client_max_size=BODY_BYTES)
    for route in table:
        resource = app.router.add_resource(route.path)
        methods = [route.method] if route.method != hdrs.METH_GET else [hdrs.METH_GET, hdrs.METH_HEAD]
        for method in methods:
            resource.add_route(method, route.answer)
            needs[method, resource.canonical] = Needs(route.permissions, route.about)
    app.on_response_prepare.append(secure)
    return app
