"""What the store of trained networks holds, for which pages, and what no page of any set wants any more."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from almostnothing import keys, running
from almostnothing.freshness import Page
from almostnothing.parameters import files
from almostnothing.store import STORE

MIB = 2**20
UNWANTED = "no page"


def holdings(remove: bool = False) -> Iterator[str]:
    """Lines that say how many networks the store holds, and bytes, by page: the first of all that want them.

    `remove`: delete those that no page of any set in `params` wants. Raises `UserError`, and deletes nothing, for a
    mistake in any set, or where a run or a job is at work.
    """
    if remove:
        running.check_nobody()
    wanted = _wanted()
    cells, sizes = Counter[str](), Counter[str]()
    unwanted = []
    for folder, size in stored(STORE):
        page = wanted.get(folder.name, UNWANTED)
        cells[page] += 1
        sizes[page] += size
        if page == UNWANTED:
            unwanted.append(folder)
    yield f"{STORE}: {cells.total():,} networks, {sizes.total() / MIB:,.1f} MiB"
    for page in sorted(cells):
        yield f"  {page}: {cells[page]:,} networks, {sizes[page] / MIB:,.1f} MiB"
    if unwanted and remove:
        for folder in unwanted:
            shutil.rmtree(folder)
        yield f"Removed the {len(unwanted):,} that no page wants"
    elif unwanted:
        yield "To remove what no page wants: python -m almostnothing store --remove"


def _wanted() -> dict[str, str]:
    """The page that wants each network, by the network's key, over all sets."""
    found: dict[str, str] = {}
    for folder in sorted(files.FOLDER.glob("*")):
        if any(folder.glob("*.yaml")):
            for path in files.parameter_files(folder):
                for cell in Page(path.stem, folder.name).cells:
                    found.setdefault(keys.key(cell), f"{folder.name}/{path.stem}")
    return found


def stored(root: Path) -> Iterator[tuple[Path, int]]:
    """The folders of networks, and the bytes of the files in each; hidden ones are being written."""
    if not root.is_dir():
        return
    for shelf in sorted(os.scandir(root), key=lambda entry: entry.name):
        if shelf.is_dir():
            for entry in sorted(os.scandir(shelf), key=lambda entry: entry.name):
                if entry.is_dir() and not entry.name.startswith("."):
                    yield Path(entry.path), sum(file.stat().st_size for file in os.scandir(entry))
