"""What can be said about the image and the compose file without an engine to run them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from config import roles
from tests.config.processes import ROOT

SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "DATABASE_URL", "SMTP_URL")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(parsed, dict)
    return parsed


def test_three_roles_share_one_image_with_everything_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert set(services) == {"prepare", "web", "worker", "beat", "postgres", "redis", "mail"}
    ours = {name: service for name, service in services.items() if "build" in service}
    assert {name: service["command"] for name, service in ours.items()} == {
        role: [role] for role in ("prepare", "web", "worker", "beat")
    }
    assert len({service["image"] for service in ours.values()}) == 1
    assert set(ours) == set(roles.COMMANDS)


def test_every_service_is_watched(compose: dict[str, Any]) -> None:
    without = [name for name, service in compose["services"].items() if not service.get("healthcheck", {}).get("test")]

    assert without == ["prepare"]  # it ends, and those that wait for it look at how


def test_nothing_starts_before_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]

    for role in ("web", "worker", "beat"):
        assert services[role]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}
    assert services["prepare"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_data_outlive_their_containers(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert set(compose["volumes"]) == {"data", "postgres"}
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert services["web"]["volumes"] == services["worker"]["volumes"] == ["data:/data"]


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    found = set()
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if any(secret in name for secret in SECRETS):
                assert re.search(r"\$\{(\w+):[?-]", value), f"{name} is {value}"
                found.add(name)
    assert found >= set(SECRETS)
    example = (ROOT / ".env.example").read_text()
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "SMTP_URL"):
        assert re.search(rf"^{name}=$", example, flags=re.MULTILINE)


def test_every_variable_of_the_compose_file_has_an_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    offered = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))

    assert used - offered == {"LIHU_VERSION", "MAIL_PORT"}


def test_the_image_runs_as_no_one_in_particular_and_installs_by_hash() -> None:
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert "USER lihu" in final
    assert "HEALTHCHECK" in final
    assert "pip install --require-hashes -r requirements.txt" in (ROOT / "Dockerfile").read_text()
    assert "ENV SECRET_KEY" not in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("command_line", "role"),
    [
        ("python -m config.roles web", "web"),
        ("/sbin/docker-init -- python -m config.roles worker", "worker"),
        ("python -m config.roles beat", "beat"),
        ("bash", ""),
    ],
)
def test_the_health_check_knows_which_role_it_is_in(command_line: str, role: str) -> None:
    assert roles.role_of(command_line) == role


def test_the_health_check_knows_the_roles_by_what_they_become() -> None:
    for role in ("web", "worker", "beat"):
        assert roles.role_of(" ".join(roles.COMMANDS[role]())) == role
