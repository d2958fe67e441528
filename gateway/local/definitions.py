"""Users, virtual hosts, and permissions of a private RabbitMQ, as the definitions that it loads."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple


class BrokerUser(NamedTuple):
    """A user of the broker, in every virtual host."""

    name: str
    password: str


GUEST = BrokerUser("guest", "guest")

EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}
OURS: Final = dict.fromkeys(("configure", "write", "read"), "^tallystick\\..*")
"""What a gateway needs: everything of what it declares, and nothing else."""
PUBLISH: Final = {"configure": "^$", "write": "^tallystick\\.events$", "read": "^$"}
"""What a source needs: whoever may write elsewhere can forge what the gateway tells, and what it keeps of itself."""


def definitions(
    users: Sequence[BrokerUser],
    vhosts: Sequence[str],
    *,
    gateways: Sequence[BrokerUser] = (),
    sources: Sequence[BrokerUser] = (),
) -> str:
    """The JSON document that `load_definitions` and `rabbitmqctl import_definitions` take.

    `users` may do everything, `gateways` what a gateway does, `sources` only publish events.
    """
    granting = ((users, EVERYTHING), (gateways, OURS), (sources, PUBLISH))
    rights = [(user, granted) for group, granted in granting for user in group]
    return json.dumps(
        {
            "users": [
                {
                    "name": user.name,
                    "password_hash": _hash(user.password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "",
                }
                for user, _ in rights
            ],
            "vhosts": [{"name": vhost} for vhost in vhosts],
            "permissions": [
                {"user": user.name, "vhost": vhost, **granted} for user, granted in rights for vhost in vhosts
            ],
        }
    )


def _hash(password: str) -> str:
    """Four bytes of salt and the SHA-256 of salt and password, as RabbitMQ's guide on passwords gives it."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
