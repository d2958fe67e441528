"""Makes the secrets of docker/compose.yaml, new ones for each checkout: `python docker/make_secrets.py`.

Needs Python 3.11 and nothing else. The files are readable by all, since containers read them under accounts of their
own; the folder is not, so that on this machine only its owner gets at them. Existing secrets are kept.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gateway.local.definitions import BrokerUser, definitions  # noqa: E402 - after the path to it is known

USERS: Final = ("gateway", "crm", "psa", "finance", "erp", "billing")
"""Whom RabbitMQ knows: the gateway, and the sources that the policy names; those may only publish events."""


def contents() -> dict[str, str]:
    """What each file holds, by its name."""
    postgres = secrets.token_urlsafe(24)
    users = [BrokerUser(name, secrets.token_urlsafe(24)) for name in USERS]
    return {
        "postgres_password": postgres,
        "database_url": f"postgresql://tally:{postgres}@postgres:5432/tallystick",
        "amqp_url": f"amqp://{users[0].name}:{users[0].password}@rabbitmq:5672/",
        "api_token": secrets.token_urlsafe(32),
        "rabbitmq_definitions": definitions([], ["/"], gateways=users[:1], sources=users[1:]),
        **{f"{user.name}_password": user.password for user in users[1:]},
    }


def write(folder: Path) -> None:
    """Write them all into `folder`. Raises FileExistsError if it is there: half-changed secrets fit no data."""
    folder.mkdir(mode=0o700)
    for name, content in contents().items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o444)


if __name__ == "__main__":
    try:
        write(ROOT / "docker" / "secrets")
    except FileExistsError as there:
        sys.exit(f"{there.filename} is there already. Remove it, and the volumes that were made with it, for new ones.")
