"""The operations listener: probes, metrics, version. No token, so nothing that it shows is worth one."""

from __future__ import annotations

import platform

import orjson
from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from adapters.ports.store import Reads
from gateway.health import Health
from gateway.http.answers import secure
from gateway.http.open_work import OpenWork
from gateway.http.probes import Probes
from gateway.http.systems import Systems
from gateway.metrics import Counts


class Exposition:
    """The metrics of this process and of what stands open, in Prometheus's text format or OpenMetrics."""

    def __init__(self, counts: Counts, reads: Reads, systems: Systems) -> None:
        self._open_work = OpenWork(reads, systems)
        self._registry = CollectorRegistry()
        for collector in (counts, self._open_work):
            self._registry.register(collector)
        GCCollector(self._registry)
        ProcessCollector(registry=self._registry)

    async def answer(self, request: web.Request) -> web.Response:
        """`GET /metrics`."""
        await self._open_work.refresh()
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=encode(self._registry), headers={hdrs.CONTENT_TYPE: content_type})


def operations(health: Health, counts: Counts, reads: Reads, systems: Systems, version: str) -> web.Application:
    """The application."""
    probes = Probes(health)
    about = orjson.dumps({"name": "tallystick", "version": version, "python": platform.python_version()})

    async def tell_version(_: web.Request) -> web.Response:
        return web.Response(body=about, content_type="application/json")

    app = web.Application(client_max_size=1024)
    app.router.add_get("/livez", probes.live)
    app.router.add_get("/readyz", probes.ready)
    app.router.add_get("/startupz", probes.started)
    app.router.add_get("/metrics", Exposition(counts, reads, systems).answer)
    app.router.add_get("/version", tell_version)
    app.on_response_prepare.append(secure)
    return app
