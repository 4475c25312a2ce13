"""What a result depends on: digests of code, parameters and files, and a record of the environment."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
NAME = PACKAGE.name


def digest(value: Any) -> str:
    """Twenty hexadecimal digits that name a JSON-able value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is either absent (or as before) or whole, even if the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def syntax(source: str) -> Any:
    """A Python source as nested lists, without comments, formatting and docstrings.

    Written out here because `ast.dump` prints the same tree differently from one Python version to the next.
    """

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, ast.AST):
            return repr(node)
        fields = []
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = value[0] if value else None
                wording = (
                    isinstance(first, ast.Expr)
                    and isinstance(first.value, ast.Constant)
                    and isinstance(first.value.value, str)
                )
                value = value[1:] if wording else value
            if value is not None and value != [] and name != "kind":
                fields.append([name, walk(value)])
        return [type(node).__name__, *fields]

    return walk(ast.parse(source))


@cache
def _module_file(module: str) -> Path | None:
    """The file of a module of this package, or None for a name that is no module."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if module.split(".")[0] == NAME and candidate.is_file():
            return candidate
    return None


def imported_modules(source: str) -> Iterator[str]:
    """The modules of this package that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            candidates = [name if _module_file(name) else node.module for name in inner]
        else:
            continue
        yield from (name for name in candidates if _module_file(name))


def closure(source: str) -> list[str]:
    """The modules of this package that a source imports, directly or not, sorted."""
    found: set[str] = set()
    pending = list(imported_modules(source))
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            path = _module_file(module)
            assert path is not None
            pending += imported_modules(path.read_text())
    return sorted(found)


@cache
def _file_syntax(path: Path) -> str:
    return digest(syntax(path.read_text()))


def code_digest(source: str) -> str:
    """Digest of a source and of every module of this package that it imports, directly or not."""
    files = {module: _module_file(module) for module in closure(source)}
    return digest([syntax(source), {name: _file_syntax(path) for name, path in files.items() if path}])


@cache
def module_digest(module: str) -> str:
    """`code_digest` of one module of this package, as `training`."""
    path = _module_file(f"{NAME}.{module}")
    if path is None:
        raise ValueError(f"{NAME} has no module {module}")
    return code_digest(path.read_text())


def project() -> Path:
    """The project's folder: the nearest one above the working directory that holds a Snakefile.

    Raises `FileNotFoundError` outside a checkout.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "Snakefile").is_file():
            return Path(os.path.relpath(folder))
    raise FileNotFoundError("no folder above the working directory holds the project's Snakefile")


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
