"""The client programs: which there are, what cases they hold, and how they are run.

A program is a module of `clients/`, run as `python -m` in the environment of its client. It does each of its cases and
writes down how it went; so pytest can name them all without importing a client.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.environments import ROOT, python
from tests.running import MODELS, Running

TIMEOUT_S = 240


class Program(NamedTuple):
    """A module of `clients/`, the environment that it needs, and the client that it is to use where it knows several."""

    environment: str
    module: str
    variant: str = ""

    @property
    def label(self) -> str:
        """A short name for reports."""
        return f"{self.module}-{self.variant}" if self.variant else self.module

    def cases(self) -> Iterator[str]:
        """The names of its functions that are marked `@case`, for this variant if they say so."""
        source = (Path(__file__).parent / "clients" / f"{self.module}.py").read_text()
        for node in ast.parse(source).body:
            if isinstance(node, ast.AsyncFunctionDef):
                yield from (node.name for mark in node.decorator_list if self._marked(mark))

    def _marked(self, mark: ast.expr) -> bool:
        if isinstance(mark, ast.Call):
            variants = [ast.literal_eval(argument) for argument in mark.args]
            return ast.unparse(mark.func) == "case" and self.variant in variants
        return ast.unparse(mark) == "case"


@dataclass
class Outcomes:
    """What the programs found, by program and case; a program that failed as a whole fails again at once."""

    folder: Path
    _found: dict[Program, dict[str, str | None]] = field(default_factory=dict)
    _broken: dict[Program, str] = field(default_factory=dict)

    def check(self, program: Program, case: str, gateway: Running) -> None:
        """Runs the program against the gateway unless that was done; raises AssertionError if the case did not hold."""
        if program not in self._found and program not in self._broken:
            try:
                self._found[program] = self._run(program, gateway)
            except AssertionError as problem:
                self._broken[program] = str(problem)
        if program in self._broken:
            raise AssertionError(self._broken[program])
        found = self._found[program]
        assert case in found, f"{program.label} ended before {case}; it did {', '.join(found)}"
        assert found[case] is None, f"{program.label}: {case}\n{found[case]}"

    def _run(self, program: Program, gateway: Running) -> dict[str, str | None]:
        interpreter = python(program.environment)
        report = self.folder / f"{program.label}.jsonl"
        where = [gateway.url, gateway.grpc, str(MODELS), str(report)]
        command = [str(interpreter), "-m", f"tests.conformance.clients.{program.module}", *where, program.variant]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as problem:
            raise AssertionError(f"{program.label} had not finished after {TIMEOUT_S} s: {problem.stderr!r}") from None
        assert report.exists(), f"{program.label} did not begin:\n{done.stdout}{done.stderr}"
        lines: list[dict[str, Any]] = [json.loads(line) for line in report.read_text().splitlines()]
        return {line["case"]: line["problem"] for line in lines}
