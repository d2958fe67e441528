"""A gateway that runs, whichever way it was started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.demo.people import write_people
from gateway.local.ports import LOOPBACK, free_port

START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """What a gateway is given. `folder`: where its policy, token, and log are; `amqp_url` is empty for none."""

    database_url: str
    amqp_url: str
    folder: Path
    token: str
    api_port: int
    ops_port: int

    @property
    def policy(self) -> Path:
        return self.folder / "policy.yaml"

    @property
    def token_file(self) -> Path:
        return self.folder / "token"

    @property
    def callers_file(self) -> Path:
        return self.folder / "callers.yaml"

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def ops_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ops_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the gateway, as anybody would set them."""
        return {
            "TALLYSTICK_DATABASE_URL": self.database_url,
            "TALLYSTICK_AMQP_URL": self.amqp_url,
            "TALLYSTICK_POLICY": str(self.policy),
            "TALLYSTICK_API_TOKEN_FILE": str(self.token_file),
            "TALLYSTICK_CALLERS_FILE": str(self.callers_file),
            "TALLYSTICK_API_BIND": f"{LOOPBACK}:{self.api_port}",
            "TALLYSTICK_OPS_BIND": f"{LOOPBACK}:{self.ops_port}",
        }


def prepare(folder: Path, policy: str, token: str, database_url: str, amqp_url: str) -> Place:
    """Write what a gateway reads, and choose its ports."""
    place = Place(database_url, amqp_url, folder, token, free_port(), free_port())
    place.policy.write_text(policy, encoding="utf-8")
    place.token_file.write_text(token, encoding="utf-8")
    place.callers_file.write_text(write_people(folder), encoding="utf-8")
    for path in (place.policy, place.token_file, place.callers_file):
        path.chmod(0o600)
    return place
