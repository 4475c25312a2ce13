"""What machine and what versions made a result."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()


def environment() -> dict[str, str]:
    """Python, the packages whose versions can change a number, and the processor."""
    packages = ("numpy", "scipy", "pandas", "torch", "scikit-learn", "matplotlib", "seaborn")
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in packages},
        "system": platform.system(),
        "processor": processor(),
    }


def commit(root: Path) -> dict[str, Any] | None:
    """The commit that `root` has checked out and whether code or parameters differ from it; None outside git."""

    def git(*words: str) -> str:
        run = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
        return run.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "notebooks", "params", "Snakefile")
        return {"id": git("rev-parse", "HEAD"), "modified": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return None
