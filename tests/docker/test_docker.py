"""What can be said of the image and the composition without an engine to run them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from docker.make_secrets import write
from gateway.burial import MOST_BYTES
from gateway.cli.main import main as command_line
from gateway.policy_file import read_policy
from schemas.parsing import LIMITS
from tests.house.files import ROOT

DOCKER: Final = ROOT / "docker"
DOCKERFILE: Final = (DOCKER / "Dockerfile").read_text()
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
PROBE = re.compile(r"https?://127\.0\.0\.1:\d+(/\w+)")


def copied() -> list[str]:
    """What the Dockerfile copies from the repository (not from another stage)."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_all_that_is_copied_exists_and_is_let_into_the_build() -> None:
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied()
    assert [source for source in copied() if not (ROOT / source).exists()] == []
    assert [source for source in copied() if f"!{source}" not in let_in] == []


def test_all_that_is_installed_is_locked() -> None:
    installs = re.findall(r"pip install (.+?)(?: \\| &&|$)", DOCKERFILE, re.MULTILINE)
    assert installs
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)


def test_the_image_runs_unprivileged_and_binds_to_all_addresses() -> None:
    for line in (
        "USER 10001:10001",
        'ENTRYPOINT ["tallystick"]',
        'CMD ["serve"]',
        "TALLYSTICK_API_BIND=0.0.0.0:8080",
        "TALLYSTICK_OPS_BIND=0.0.0.0:9090",
    ):
        assert line in DOCKERFILE
    assert PROBE.findall(DOCKERFILE) == ["/livez"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_what_a_service_names_is_there(tmp_path: Path) -> None:
    write(tmp_path / "secrets")
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert {config["source"] for config in service.get("configs", [])} <= set(COMPOSE["configs"])
        assert set(service.get("depends_on", [])) <= set(SERVICES)
    for config in COMPOSE["configs"].values():
        assert (DOCKER / config["file"]).exists()
    for secret in COMPOSE["secrets"].values():
        assert (tmp_path / secret["file"]).exists()


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service["image"] == "tallystick"])
def test_the_command_line_knows_what_a_service_runs(name: str) -> None:
    command, *arguments = SERVICES[name].get("command", ["serve"])
    found = command_line.get_command(click.Context(command_line), command)
    assert found is not None
    found.make_context(command, arguments)


def test_the_gateway_is_waited_for_until_it_is_ready() -> None:
    assert PROBE.findall(" ".join(SERVICES["gateway"]["healthcheck"]["test"])) == ["/readyz"]


def test_secrets_fit_together_and_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    write(folder)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    known = {user["name"] for user in json.loads(made["rabbitmq_definitions"])["users"]}
    assert made["postgres_password"] in made["database_url"]
    assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write(folder)
    # Whoever the policy lets send events is known to the broker
    policy = read_policy(DOCKER / "policy.yaml")
    assert {user for source in policy.sources.values() for user in source.users} | {"gateway"} == known


def test_the_policy_asks_the_sandboxes_where_they_listen() -> None:
    urls = {system.url for system in read_policy(DOCKER / "policy.yaml").systems.values()}
    assert urls == {f"http://sandbox:{port}" for port in (18081, 18082, 18083)}


def test_the_broker_takes_what_the_gateway_reads_and_little_more() -> None:
    [bound] = re.findall(r"^max_message_size = (\d+)$", (DOCKER / "rabbitmq.conf").read_text(), re.MULTILINE)
    assert LIMITS.body_bytes < int(bound) < MOST_BYTES


def test_users_have_the_rights_that_the_manual_names(tmp_path: Path) -> None:
    write(tmp_path / "secrets")
    permissions = json.loads((tmp_path / "secrets" / "rabbitmq_definitions").read_text())["permissions"]
    writes = {each["user"]: (each["configure"], each["write"], each["read"]) for each in permissions}
    manual = (ROOT / "docs" / "operating.md").read_text().partition("## Rights in RabbitMQ")[2]
    ours, source = (
        tuple(re.findall(r"`([^`]*)`", line))
        for line in re.findall(r"^\| (?:the gateway's|a source's) .*", manual, re.MULTILINE)
    )
    assert writes == {"gateway": ours} | dict.fromkeys(("crm", "psa", "finance", "erp", "billing"), source)
