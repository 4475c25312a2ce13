"""What Snakemake says of a job that failed, in one sentence: it keeps its own report with those of rules to itself."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

HINTS = re.compile(r"\.? ?(?:Detailed failure reason|For further error details).*", re.DOTALL)  # of the executor
GREEDY = "exceeded memory limit"  # what Slurm writes in a job's log where it polls memory: its status says FAILED


class Failures(logging.Handler):
    """Tells of each failed attempt of a job what it was to make, what the executor says, and where its words are."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the sentence, on standard error."""
        if getattr(record, "event", None) is LogEvent.JOB_ERROR:
            print(sentence(vars(record)), file=sys.stderr, flush=True)


def sentence(record: dict[str, Any]) -> str:
    """The sentence for a record of Snakemake's event JOB_ERROR."""
    made, logs = ([str(path).removesuffix(" (update)") for path in record[key] if path] for key in ("output", "log"))
    why = HINTS.sub("", str(record["rule_msg"] or "its command ended with an error")).strip()
    if any(GREEDY in path.read_text(errors="replace") for path in map(Path, logs) if path.is_file()):
        why += f" as it {GREEDY}"
    return f"almostnothing: {record['rule_name']} of {made[0]} failed: {why}; its words: {' and '.join(logs)}"


def tell() -> None:
    """Tell of jobs that fail from now on."""
    logging.getLogger("snakemake.logging").addHandler(Failures())
