"""The pages of the story, one folder each: parameters, table, and panels, summaries and claims.

A page is found by its name: notebook `01_knee` has the folder `knee`, the model `Knee` in its `parameters`, and a
parameter file `01_knee.yaml` in each set. A page without a `table` shows what training measured. A set may have further
files of a page, whose names go on: `01_knee_deep.yaml` makes the figure `01_knee_deep` with the notebook `01_knee`.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from almostnothing.errors import UserError
from almostnothing.parameters.page import Parameters

HERE = Path(__file__).parent


def notebook_of(name: str) -> str:
    """The notebook of a parameter file by its name: `01_knee` of `01_knee`, and of `01_knee_deep`."""
    number, _, rest = name.partition("_")
    words = rest.split("_")
    begins = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return f"{number}_{next((page for page in begins if page in known_pages()), rest)}"


def page_of(name: str) -> str:
    """The page's name: that of its notebook without the number."""
    return notebook_of(name).partition("_")[2]


def known_pages() -> list[str]:
    """The names of all pages, sorted."""
    return sorted(file.parent.name for file in HERE.glob("*/parameters.py"))


def model_of(notebook: str, where: str) -> type[Parameters]:
    """The parameter model of a notebook; `where` names the file that asks for it.

    Raises `UserError` if there is no such page.
    """
    page = page_of(notebook)
    if page not in known_pages():
        raise UserError(f"{where}: no page is called {page!r}: the known ones are {', '.join(known_pages())}")
    module = importlib.import_module(f"almostnothing.pages.{page}.parameters")
    return getattr(module, "".join(word.capitalize() for word in page.split("_")))
