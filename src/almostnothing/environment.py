"""What machine and what versions made a result."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any


def processor() -> str:
    """The processor's name, where the system tells it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(name: str) -> str:
    """What the system tells of the processor under a name; nothing where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith(name))
    except (OSError, StopIteration, IndexError):
        return ""


def portable() -> None:
    """Hold torch on this CPU to arithmetic that all x86 processors with AVX2 share, so that they find the same.

    For searches that chatter at kinks, where a difference in the last digit becomes one of a hundredth. By variables
    that torch, oneDNN and MKL (its conditional numerical reproducibility) read once; `devices.arithmetic` does what
    these leave. Raises `RuntimeError` where torch is there already.
    """
    if "torch" in sys.modules:
        raise RuntimeError("torch is there already, and has chosen its arithmetic")
    os.environ["MKL_CBWR"] = "COMPATIBLE"
    if "avx512f" in _cpuinfo("flags").split():
        os.environ |= {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def spent(since: float) -> dict[str, float]:
    """Seconds since `since`, a `time.perf_counter()`; the most bytes that this process or one it started has held."""
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": round(time.perf_counter() - since, 1), "memory": largest * unit}


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
    """The commit that `root` has checked out and whether code or parameters differ from it.

    None where `root` is not itself the top of a repository, be it inside another project's; and where git refuses,
    which one sentence on standard error says.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # another one's, in a hook

    def git(*words: str) -> str:
        asked = ["git", "-C", str(root), *words]
        return subprocess.run(asked, capture_output=True, text=True, check=True, env=own).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return None
        changed = git("status", "--porcelain", "--", "src", "notebooks", "params", "Snakefile")
        return {"id": git("rev-parse", "HEAD"), "modified": bool(changed)}
    except OSError:  # no git
        return None
    except subprocess.CalledProcessError as error:
        if "not a git repository" not in error.stderr and (root / ".git").exists():
            reason = " ".join(error.stderr.split("\n")[0].removeprefix("fatal: ").split())
            print(
                f"git does not say which commit {root.resolve()} is at, so none is recorded: {reason}", file=sys.stderr
            )
        return None
