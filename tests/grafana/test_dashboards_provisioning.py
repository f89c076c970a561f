"""Gateway, Prometheus, Alertmanager and Grafana in containers: files are where they are looked for, and nobody is root."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import read_config
from grafana.dashboards.collection import FOLDER
from grafana.dashboards.link import TAG

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "grafana"
COMPOSE = yaml.safe_load((GRAFANA / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (GRAFANA / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
EACH = pytest.mark.parametrize("name", SERVICES)


def provisioned(kind: str) -> dict[str, Any]:
    """The one file of that kind."""
    (path,) = (GRAFANA / "provisioning" / kind).glob("*.yaml")
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def mounts(name: str) -> dict[str, str]:
    """Where a service finds what: path in the container → path beside compose.yaml, or volume."""
    return {part.split(":")[1]: part.split(":")[0] for part in SERVICES[name]["volumes"]}


@EACH
def test_versions_can_be_overridden(name: str) -> None:
    """By a variable of the environment, with one that is known to fit; never `latest`."""
    assert re.fullmatch(r"[\w./-]+:\$\{[A-Z]+_VERSION:-[\w.]+\}", SERVICES[name]["image"])
    assert "latest" not in SERVICES[name]["image"]


@EACH
def test_only_this_machine_reaches_it(name: str) -> None:
    """Nobody has to authenticate yet."""
    assert all(re.match(r"127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$", port) for port in SERVICES[name]["ports"])


@EACH
def test_no_service_may_become_more_than_it_is(name: str) -> None:
    """No capabilities, and none to be gained."""
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[name]


@EACH
def test_what_is_mounted_is_there(name: str) -> None:
    """Files read-only; what is written lies in a volume."""
    for part in SERVICES[name]["volumes"]:
        source, *rest = part.split(":")
        if source.startswith("."):
            assert (GRAFANA / source).exists(), part
            assert rest[-1] == "ro", part
        else:
            assert source in COMPOSE["volumes"], part


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """By the addresses in its environment, and the folder that is mounted."""
    environment = SERVICES["grafana"]["environment"]
    for source in provisioned("datasources")["datasources"]:
        service, port = re.fullmatch(r"http://(\w+):(\d+)", environment[source["url"].removeprefix("$")]).groups()
        assert any(published.endswith(f":{port}") for published in SERVICES[service]["ports"])
    (provider,) = provisioned("dashboards")["providers"]
    assert (GRAFANA / mounts("grafana")[provider["options"]["path"]]).resolve() == FOLDER.resolve()
    assert provider["folderUid"] == TAG
    assert mounts("grafana")["/etc/grafana/provisioning"] == "./provisioning"
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (FOLDER / home.name).exists()


def test_one_prometheus_is_the_default() -> None:
    """The variable `datasource` of the dashboards begins with it."""
    default = [each for each in provisioned("datasources")["datasources"] if each.get("isDefault")]
    assert [each["type"] for each in default] == ["prometheus"]


def test_grafana_knows_how_often_prometheus_scrapes() -> None:
    """$__rate_interval follows from it."""
    prometheus = yaml.safe_load((GRAFANA / "compose" / "prometheus.yml").read_text(encoding="utf-8"))
    (default,) = [each for each in provisioned("datasources")["datasources"] if each.get("isDefault")]
    assert default["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_prometheus_is_configured_like_the_example() -> None:
    """But for the addresses, which are those of the services."""
    ours, example = (
        yaml.safe_load((GRAFANA / name).read_text(encoding="utf-8"))
        for name in ("compose/prometheus.yml", "prometheus.yml")
    )
    (job,) = ours["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"gateway:{read_config(GRAFANA / 'compose' / 'gateway.yaml').listen.http}"
    assert job["job_name"] == example["scrape_configs"][0]["job_name"]
    (alerts,) = ours["alerting"]["alertmanagers"]
    assert alerts["static_configs"][0]["targets"] == ["alertmanager:9093"]
    for key in ("global", "rule_files"):
        assert ours[key] == example[key]


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    """With the rules where they are mounted."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    (tmp_path / "rules").symlink_to(GRAFANA / "rules")
    shutil.copy(GRAFANA / "compose" / "prometheus.yml", tmp_path)
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gateway_listens_where_the_container_is_reached() -> None:
    """On all of its interfaces, at the ports that are published; models and data where they are mounted."""
    config = read_config(GRAFANA / "compose" / "gateway.yaml")
    assert not config.listen.loopback
    assert [port.rsplit(":", 1)[1] for port in SERVICES["gateway"]["ports"]] == [
        str(config.listen.http),
        str(config.listen.grpc),
    ]
    assert {str(config.repository), str(config.data)} <= set(mounts("gateway"))
    assert set(config.models or {}) <= {path.name for path in (ROOT / "models").iterdir() if path.is_dir()}


def test_the_image_is_locked() -> None:
    """Every package comes with its hash, from files of the repository."""
    installs = re.findall(r"pip (?:install|wheel) [^&\n]*", DOCKERFILE)
    assert installs
    for command in installs:
        assert "--require-hashes" in command or "--no-deps" in command, command
    for name in re.findall(r"--requirement (\S+)", DOCKERFILE):
        (path,) = [path for path in (ROOT / name, GRAFANA / name) if path.exists()]
        pins = re.findall(r"^[\w.-]+==.*", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert pins
        assert all(pin.rstrip().endswith("\\") for pin in pins), f"{name}: a package without a hash"


def test_the_image_runs_as_nobody_in_particular() -> None:
    """By number, so that a cluster which forbids root can see it; told to stop, it stops; and it says how it is."""
    last = dict(STEPS)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last["USER"])
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert "/v2/health/ready" in last["HEALTHCHECK"]
    assert last["ENTRYPOINT"] == '["driftgate"]'
    assert "--insecure" in last["CMD"]
    assert not {"ADD", "MAINTAINER"} & {word for word, _ in STEPS}


def test_what_the_image_copies_is_there_and_not_left_out() -> None:
    """By the list of what may come along."""
    ignored = (GRAFANA / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = [word for step, rest in STEPS if step == "COPY" and "--from" not in rest for word in rest.split()[:-1]]
    assert sorted(set(copied)) == sorted(kept)
    assert all((ROOT / name).exists() for name in kept)
    assert fnmatch.fnmatch("models/__pycache__", ignored[-1])
