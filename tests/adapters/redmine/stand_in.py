"""A Redmine of a few lines on loopback: enough of its REST API to bring about failures, races, and moving lists.

It answers as Redmine 5.0.4 did; what a real one does is tried on a real one (docs/systems/redmine.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

KEY = "key-that-nobody-may-see"
DATE = "Fri, 20 Nov 2026 10:00:00 GMT"
FIELDS = {1: "Gateway project id", 2: "ERP project id", 3: "Legal entity", 4: "Currency"}

Act = Callable[[web.Request], Awaitable[web.Response | None]]
"""What is done before a request is answered; an answer of its own replaces Redmine's."""


def json_response(document: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


@dataclass
class StandIn:
    """Its records as the REST API tells them. `acts` come first, by method and path, each for one request."""

    projects: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    logins: dict[int, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    pages: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Path of a page of a wiki, without its end -> text and version."""
    requests: list[str] = field(default_factory=list)
    acts: list[tuple[str, str, Act]] = field(default_factory=list)
    keys: set[str] = field(default_factory=lambda: {KEY})
    date: str | None = DATE
    url: str = ""

    def before(self, method: str, path: str, act: Act) -> None:
        """Do `act` before the next such request is answered."""
        self.acts.append((method, path, act))

    def answer(self, method: str, path: str, response: web.Response) -> None:
        """Answer the next such request so, without doing anything."""

        async def act(_: web.Request) -> web.Response:
            return response

        self.before(method, path, act)

    def project(self, identifier: str, **values: str) -> dict[str, Any]:
        """Put a project there."""
        project = {
            "id": len(self.projects) + 1,
            "name": identifier,
            "identifier": identifier,
            "status": 1,
            "custom_fields": [{"id": number, "name": name, "value": None} for number, name in FIELDS.items()],
            "enabled_modules": [{"id": 1, "name": "time_tracking"}],
        }
        self.projects.append(project)
        _write(project, {"custom_field_values": {key.removeprefix("cf_"): value for key, value in values.items()}})
        return project

    def entry(self, number: int, updated_on: str, approval: str = "approved", project: int = 1) -> dict[str, Any]:
        """Put a time entry of user 6 there, made with the number of its id."""
        entry = {
            "id": number,
            "project": {"id": project, "name": "Rollout"},
            "user": {"id": 6, "name": "Ann Example"},
            "activity": {"id": 10, "name": "consultant"},
            "hours": 3.25,
            "comments": "",
            "spent_on": "2026-11-19",
            "created_on": "2026-11-19T08:00:00Z",
            "updated_on": updated_on,
            "custom_fields": [{"id": 5, "name": "Approval", "value": approval}],
        }
        self.entries.append(entry)
        return entry

    async def handle(self, request: web.Request) -> web.Response:
        path = request.path
        self.requests.append(f"{request.method} {path}")
        response = await self._act(request) or self._answer(request, path, await request.read())
        if self.date is not None:
            response.headers["Date"] = self.date
        return response

    async def _act(self, request: web.Request) -> web.Response | None:
        for place, (method, path, act) in enumerate(self.acts):
            if (method, path) == (request.method, request.path):
                del self.acts[place]
                return await act(request)
        return None

    def _answer(self, request: web.Request, path: str, body: bytes) -> web.Response:
        if request.headers.get("X-Redmine-API-Key") not in self.keys:
            is_list = path in ("/projects.json", "/time_entries.json") and request.method == "GET"
            return json_response({"projects": [], "time_entries": [], "total_count": 0}) if is_list else _bare(401)
        match request.method, path.strip("/").removesuffix(".json").split("/"):
            case "GET", ["users", "current"]:
                return json_response({"user": {"id": 5, "login": "gateway", "admin": False, "memberships": []}})
            case "GET", ["users", number]:
                login = self.logins.get(int(number))
                return _bare(404) if login is None else json_response({"user": {"id": int(number), "login": login}})
            case "GET", ["projects"]:
                return self._search(request)
            case "POST", ["projects"]:
                return self._create(orjson.loads(body)["project"])
            case method, ["projects", name, *below]:
                return self._of_project(method, name, below, body)
            case "GET", ["time_entries"]:
                return self._entries(request)
            case _:
                return _bare(404)

    def _of_project(self, method: str, name: str, below: list[str], body: bytes) -> web.Response:
        match method, below:
            case "GET", []:
                return self._show(name)
            case "PUT", ["close"]:
                self._numbered(name)["status"] = 5
                return _bare(204)
            case "PUT", []:
                _write(self._numbered(name), orjson.loads(body)["project"])
                return _bare(204)
            case "GET" | "PUT", ["wiki", title]:
                return self._page(method, name, title, body)
            case _:
                return _bare(404)

    def _numbered(self, number: str) -> dict[str, Any]:
        return next(each for each in self.projects if number == str(each["id"]))

    def _search(self, request: web.Request) -> web.Response:
        """Filters that are not known are left out without a word, as Redmine does."""
        hits = [each for each in self.projects if each["identifier"] not in self.hidden]
        number = request.query.get("f[]", "").removeprefix("cf_")
        if number in map(str, FIELDS):
            wanted = request.query[f"v[cf_{number}][]"]
            hits = [each for each in hits if _value(each, int(number)) == wanted]
        return json_response({"projects": hits, "total_count": len(hits)})

    def _create(self, wanted: dict[str, Any]) -> web.Response:
        if any(each["identifier"] == wanted["identifier"] for each in self.projects):
            return json_response({"errors": ["Identifier has already been taken"]}, 422)
        project = self.project(wanted["identifier"])
        _write(project, wanted)
        return json_response({"project": project}, 201)

    def _show(self, name: str) -> web.Response:
        if name in self.hidden:
            return _bare(403)
        found = [each for each in self.projects if name in (each["identifier"], str(each["id"]))]
        return json_response({"project": found[0]}) if found else _bare(404)

    def _page(self, method: str, name: str, title: str, body: bytes) -> web.Response:
        """A page whose version is not the one that a writer names is left as it is."""
        path = f"/projects/{name}/wiki/{title}"
        found = self.pages.get(path)
        if method == "GET":
            page = None if found is None else {"title": title, "text": found[0], "version": found[1]}
            return _bare(404) if page is None else json_response({"wiki_page": page})
        project = self._numbered(name)
        if project["status"] != 1 or "wiki" not in [each["name"] for each in project["enabled_modules"]]:
            return _bare(403)
        wanted = orjson.loads(body)["wiki_page"]
        if found is not None and found[1] != wanted["version"]:
            return _bare(409)
        self.pages[path] = (wanted["text"], 1 if found is None else found[1] + 1)
        return _bare(204) if found else json_response({"wiki_page": {"title": title, **wanted}}, 201)

    def _entries(self, request: web.Request) -> web.Response:
        oldest = request.query.get("spent_on", ">=").removeprefix(">=")
        found = [each for each in self.entries if each["spent_on"] >= oldest]
        found.sort(key=lambda each: (each["created_on"], each["id"]))
        offset, limit = int(request.query.get("offset", "0")), int(request.query.get("limit", "25"))
        return json_response({"time_entries": found[offset : offset + limit], "total_count": len(found)})


def _value(project: dict[str, Any], number: int) -> str | None:
    value: str | None = next(each["value"] for each in project["custom_fields"] if each["id"] == number)
    return value


def _write(project: dict[str, Any], wanted: dict[str, Any]) -> None:
    project["name"] = wanted.get("name", project["name"])
    if "enabled_module_names" in wanted:
        project["enabled_modules"] = [{"id": 1, "name": name} for name in wanted["enabled_module_names"]]
    for each in project["custom_fields"]:
        each["value"] = wanted.get("custom_field_values", {}).get(str(each["id"]), each["value"])


def _bare(status: int) -> web.Response:
    return web.Response(status=status, content_type="application/json")


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    """Serve one."""
    redmine = StandIn()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", redmine.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        redmine.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield redmine
    finally:
        await runner.cleanup()
