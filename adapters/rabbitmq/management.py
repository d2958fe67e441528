"""What stands of policies in RabbitMQ: its management API tells it, and AMQP does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import aiohttp
import orjson
from aiohttp import hdrs
from yarl import URL

SECONDS: Final = 10.0
MOST_BYTES: Final = 16 << 20
_COLUMNS: Final = "name,policy,operator_policy,effective_policy_definition"
_ANSWERED: Final = 200


class ManagementUnavailable(RuntimeError):
    """It cannot be asked; the message says why, without a password."""


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """What policies say of a queue: their names, a user's and then an operator's, and what comes of both."""

    queue: str
    names: tuple[str, ...]
    definition: Mapping[str, Any]


async def queue_policies(url: str, amqp_url: str) -> list[QueuePolicy]:
    """The queues of AMQP's virtual host for which a policy holds; asked with AMQP's user unless `url` names another.

    Raises `ManagementUnavailable`.
    """
    parts, amqp = urlsplit(url), urlsplit(amqp_url)
    named = parts if parts.username else amqp
    user, password = unquote(named.username or "guest"), unquote(named.password or "guest")
    headers = {hdrs.AUTHORIZATION: aiohttp.encode_basic_auth(user, password)}
    vhost = unquote(amqp.path.removeprefix("/")) or "/"
    base = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    asked = f"{base}/api/queues/{quote(vhost, safe='')}?columns={_COLUMNS}"
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(URL(asked, encoded=True), allow_redirects=False) as answer,
        ):
            if answer.status != _ANSWERED:
                raise ManagementUnavailable(f"{base} answers {answer.status}")
            content = await _content(answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ManagementUnavailable(f"{base}: {type(error).__name__}") from error
    try:
        return [_policy(row) for row in orjson.loads(content) if row.get("effective_policy_definition")]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ManagementUnavailable(f"{base} answers something else than a list of queues") from error


async def _content(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for part in answer.content.iter_any():
        content += part
        if len(content) > MOST_BYTES:
            raise ManagementUnavailable(f"it answers more than {MOST_BYTES >> 20} MiB")
    return bytes(content)


def _policy(row: Mapping[str, Any]) -> QueuePolicy:
    names = (row.get("policy"), row.get("operator_policy"))
    return QueuePolicy(row["name"], tuple(str(name) for name in names if name), row["effective_policy_definition"])
