#!/usr/bin/env python3
"""Runs many tasks of the Go tests in one process: a JSON list on standard input, a list of answers on standard output.

A task is {"files": {name: hexadecimal}}, answered with what verify.py prints, or an epoch's arithmetic, answered with
the values, reports and deviations after it.
"""

import json
import sys
from typing import Any

from canonical import Refused
from estimators import Row, next_state, outcome
from verify import verify


def answer(task: dict[str, Any]) -> Any:
    if "files" in task:
        files = {name: bytes.fromhex(data) for name, data in task["files"].items()}
        try:
            return "\n".join(verify(files, None, None))
        except Refused as reason:
            return f"FAIL {reason}"
    rows = [Row(row["reporter"].encode(), row["values"]) for row in task["rows"]]
    before = {reporter.encode(): squared for reporter, squared in task["deviations"].items()}
    values, reports = outcome(rows, task["estimator"], task["f"], task["coverage"], before)
    after = next_state(rows, task["f"], before)
    return {"values": values, "reports": reports, "deviations": {name.decode(): v for name, v in after.items()}}


json.dump([answer(task) for task in json.load(sys.stdin)], sys.stdout)
