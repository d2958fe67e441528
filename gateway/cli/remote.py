"""The API as commands ask it: one request, one answer, and each refusal as the exit code that scripts rely on."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import click

from adapters.rabbitmq.address import is_loopback
from gateway.cli.options import is_dry
from gateway.exits import Exit, Failed

URL: Final = "TALLYSTICK_URL"
TOKEN_FILE: Final = "TALLYSTICK_TOKEN_FILE"  # noqa: S105  # the name of a variable
SERVERS_TOKEN_FILE: Final = "TALLYSTICK_API_TOKEN_FILE"  # noqa: S105  # the name of a variable
PLAIN_TEXT: Final = "TALLYSTICK_ALLOW_PLAIN_TEXT"
HERE: Final = "http://127.0.0.1:8080"
SECONDS: Final = 15.0
"""For one answer; the gateway gives up after ten."""
WAITS: Final = (2.0,) * 5
"""How long it waits at most, each time that it is asked to come again; then it gives up."""
MOST_BYTES: Final = 32 << 20
PAGE: Final = 500

_EXITS: Final = {
    400: Exit.USAGE, 401: Exit.AUTH, 403: Exit.AUTH, 404: Exit.NOT_FOUND, 409: Exit.CONFLICT, 412: Exit.CONFLICT,
    422: Exit.USAGE, 428: Exit.USAGE, 502: Exit.UNREACHABLE, 503: Exit.UNREACHABLE,
    504: Exit.UNREACHABLE,
}  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said: JSON already read, bytes where nothing is said of them, or a text.

    `etag` is the version of what is shown.
    """

    status: int
    content: Any
    etag: str | None = None


class Remote:
    """An API that listens at `url`, asked with one token. Every verb raises `Failed`."""

    def __init__(self, url: str, token: str, waits: Sequence[float] = WAITS) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._waits = waits
        # Neither redirects nor proxies of the environment: the token goes where its owner has said, and nowhere else.
        self._opener: OpenerDirector = build_opener(_NoRedirect(), ProxyHandler({}))

    def get(self, path: str, **asked: str | int | None) -> Answer:
        """What stands at a path; what is None is not asked."""
        return self._ask("GET", _asked(path, asked), None, {})

    def send(self, method: str, path: str, body: Mapping[str, object], **headers: str | None) -> Answer:
        """A change; `_` in a header's name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        return self._change(method, path, body, {**named, "Content-Type": "application/json"})

    def delete(self, path: str, **asked: str | int | None) -> Answer:
        """The end of what stands at a path."""
        return self._change("DELETE", _asked(path, asked), None, {})

    def all(self, path: str, most: int, **asked: str | int | None) -> list[dict[str, Any]]:
        """The first `most` items of a list, page after page; that there are more is told beside them."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(items) < most:
            page = self.get(path, limit=min(PAGE, most - len(items)), cursor=cursor, **asked).content
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items
        # Not in the output, which programs read.
        click.echo(f"There are more than these {most}: give a larger --most, or narrow what you ask for.", err=True)
        return items

    def _change(self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]) -> Answer:
        """Ask for a change; with `--dry-run` show it instead, and end the command. Raises `Exit`."""
        if is_dry():
            click.echo(f"{method} {path}" if body is None else f"{method} {path} {json.dumps(body)}")
            click.echo("Nothing was sent: leave out --dry-run.", err=True)
            raise click.exceptions.Exit(Exit.OK)
        return self._ask(method, path, None if body is None else json.dumps(body).encode(), headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        request = Request(f"{self._url}{path}", data=body, method=method)  # noqa: S310  # the scheme was looked at
        for name, value in {**headers, "Authorization": f"Bearer {self._token}"}.items():
            request.add_header(name, value)
        for wait in self._waits:
            try:
                return self._answer(request)
            except TooMany as error:
                # Nothing was done, so it may be asked again.
                time.sleep(min(error.seconds, wait))
        return self._answer(request)

    def _answer(self, request: Request) -> Answer:
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return _read(answer, answer.status)
        except HTTPError as error:
            with error:
                raise _refused(error) from error
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise Failed(
                Exit.UNREACHABLE, f"{self._url}: {reason}: start the gateway, or correct --url or {URL}"
            ) from error


class TooMany(Failed):
    """The API wants to be asked later: in so many seconds."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(Exit.UNREACHABLE, message)
        self.seconds = seconds


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none: the token is for this address."""


def remote_options(command: F) -> F:
    """Add `--url` and `--token-file`, as `url` and `token_file`."""
    token_file = click.option(
        "--token-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"File with your token.  [default: {TOKEN_FILE}, else {SERVERS_TOKEN_FILE}]",
    )
    url = click.option("--url", metavar="URL", help=f"The gateway's API.  [default: {URL}, else {HERE}]")
    return url(token_file(command))


def remote(url: str | None, token_file: Path | None) -> Remote:
    """The API that the options or the environment name. Raises `UsageError`."""
    where = url or os.environ.get(URL) or HERE
    _check(where)
    named = token_file or os.environ.get(TOKEN_FILE) or os.environ.get(SERVERS_TOKEN_FILE)
    if not named:
        raise click.UsageError(f"give --token-file, or set {TOKEN_FILE} to the file that holds your token")
    try:
        token = Path(named).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{named}: it cannot be read: {error}") from error
    if not (token and token.isascii() and token.isprintable()):
        raise click.UsageError(f"{named}: it holds no token: write it there as one line of ASCII")
    return Remote(where, token)


def _check(url: str) -> None:
    parts = None
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_right = False
    if parts is None or not is_right or parts.username is not None or parts.query or parts.fragment:
        raise click.UsageError(f"write the API's URL like {HERE} or https://tallystick.example")
    allowed = os.environ.get(PLAIN_TEXT, "").lower() in ("1", "true", "yes", "on")
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not allowed:
        raise click.UsageError(
            f"your token would travel to {parts.hostname} without TLS: write https://; where the network is trusted, "
            f"set {PLAIN_TEXT}=true"
        )


def _asked(path: str, asked: Mapping[str, str | int | None]) -> str:
    given = {name.rstrip("_"): str(value) for name, value in asked.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _read(answer: Any, status: int) -> Answer:  # noqa: ANN401  # urllib types what it answers as nothing closer
    content = answer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Failed(Exit.FAILED, f"the answer has more than {MOST_BYTES >> 20} MiB: ask for less")
    kind = answer.headers.get_content_type()
    if kind == "application/octet-stream":
        return Answer(status, content, answer.headers["ETag"])
    if kind not in ("application/json", "application/problem+json"):
        return Answer(status, content.decode("utf-8", "replace"), answer.headers["ETag"])
    try:
        return Answer(status, json.loads(content), answer.headers["ETag"])
    except ValueError as error:
        raise Failed(Exit.FAILED, f"the answer is not JSON, so --url is not that of a gateway: {error}") from error


def _refused(error: HTTPError) -> Failed:
    answer = _read(error, error.code)
    detail = answer.content.get("detail") if isinstance(answer.content, dict) else None
    said = detail or f"HTTP {error.code}: this may not be a gateway's API"
    if error.code == HTTPStatus.TOO_MANY_REQUESTS:
        told = error.headers["Retry-After"] or ""
        return TooMany(str(said), float(told) if told.isdigit() else 1.0)
    return Failed(_EXITS.get(error.code, Exit.FAILED), str(said))
