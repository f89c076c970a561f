"""`python -m gateway.report`: makes one report for a replica: an order on stdin, the file on stdout."""

from __future__ import annotations

import json
import os
import sys

import msgspec

from gateway.priority import stand_back
from gateway.report.child import FOUND, NOTHING, Order


def main() -> int:
    """Runs it; returns the exit code: 0 made, 1 failed, 3 nothing to tell. Why is a sentence: of 3 on stdout, of 1 on stderr."""
    stand_back()
    # What follows takes a second of processor time to import.
    import pyarrow as pa  # noqa: PLC0415

    from gateway.config import Config  # noqa: PLC0415
    from gateway.errors import GatewayError, NotFound  # noqa: PLC0415
    from gateway.planning import read  # noqa: PLC0415
    from gateway.report.compilation import compile_report  # noqa: PLC0415
    from gateway.report.page import page  # noqa: PLC0415
    from gateway.report.period import Period  # noqa: PLC0415
    from gateway.report.question import Question  # noqa: PLC0415

    pa.set_cpu_count(1)
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)

    def progress(done: int, total: int) -> None:
        if os.getppid() != asked.parent:  # nobody waits for it any more
            os._exit(1)

    try:
        question = Question(asked.model, Period(asked.begin, asked.end), asked.versions)
        found = compile_report(read(json.dumps(asked.config), Config()), question, progress)
    except NotFound as nothing:
        sys.stdout.buffer.write(nothing.message.encode())  # other things may be said on the other one, by libraries
        return NOTHING
    except GatewayError as problem:
        sys.stderr.write(problem.message)
        return 1
    sys.stdout.buffer.write(page(found).encode() if asked.form == "html" else msgspec.json.encode(found))
    return FOUND


if __name__ == "__main__":
    sys.exit(main())
