"""Logs: one JSON object a line on standard error, also from loggers made before the configuration."""

import json
import subprocess
import sys

SCRIPT = """
import logging
from services.runtime import logs
early = logs.logger("early")
logs.configure("mask", "pod-0")
early.info("happened", camera="cam1")
logging.getLogger("library").warning("odd %s", "thing")
try:
    raise ValueError("why")
except ValueError:
    early.error("failed", exc_info=True)
"""


def test_every_line_is_json_on_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    first, second, third = [json.loads(line) for line in done.stderr.splitlines()]
    assert (first["event"], first["camera"], first["service"], first["module"]) == ("happened", "cam1", "mask", "early")
    assert (second["event"], second["level"], second["instance"]) == ("odd thing", "warning", "pod-0")
    assert "ValueError: why" in third["exception"]
