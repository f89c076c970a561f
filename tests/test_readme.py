"""What README and docs show is what happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.config import Config, read_config
from gateway.manifest import Manifest
from tests.running import MODELS, Running, launch

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_curl_line_of_the_readme_gets_the_answer_that_it_shows(gateway: Running) -> None:
    """Word for word, but for the port, and for what is cut off with an ellipsis."""
    console = next(block for block in blocks(README, "console") if "curl" in block)
    command, shown = console.removeprefix("$ ").split("\n", 1)
    words = command.replace("http://127.0.0.1:8000", gateway.url).split()
    found = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert found.startswith(shown.strip().rstrip("…"))
    assert 0 < json.loads(found)["outputs"][0]["data"][0] < 1


def test_the_canary_of_the_readme_splits_a_replay(tmp_path: Path) -> None:
    """Its configuration starts, its commands run, and both versions answer."""
    content = yaml.safe_load(blocks(README, "yaml")[0])
    with launch(tmp_path, models=content["models"]) as running:
        replay = ["replay", "flights", "--speed", "max", "--limit", "2000", "--config", str(running.config), "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *replay], check=True, capture_output=True, text=True
        )
        report = json.loads(done.stdout)
        assert report["answered"] == report["sent"] == 2000
        assert 120 <= report["by_version"]["2"] <= 290  # 200 expected, six standard deviations either way
        rows = {(row["model"], row["version"]): row for row in running.status()["models"]}
        assert rows["flights", 2]["answered"] == report["by_version"]["2"]
        assert rows["flights", 2]["share"] == pytest.approx(0.1)


def test_every_configuration_in_the_docs_is_one(tmp_path: Path) -> None:
    """The blocks of YAML in README and configuration page load, with the keys that they name."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    manifest = next(block for block in blocks(page, "yaml") if "task:" in block)
    known = {*Manifest.model_fields}
    assert set(yaml.safe_load(manifest.replace("…", "x"))) <= known
    for block in [*blocks(README, "yaml"), *blocks(page, "yaml")]:
        if block is manifest or "task:" in block:
            continue
        path = tmp_path / "gateway.yaml"
        path.write_text(block)
        assert isinstance(read_config(path), Config)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_command() -> None:
    """Each command of `driftgate` stands in it."""
    listed = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "--help"], check=True, capture_output=True, text=True
    ).stdout
    commands = re.findall(r"^  (\w+)  ", listed.split("Commands:")[1], re.MULTILINE)
    assert commands
    assert [command for command in commands if f"driftgate {command}" not in README] == []
    assert MODELS.is_dir()
