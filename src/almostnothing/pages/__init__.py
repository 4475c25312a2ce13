"""The pages of the story, one folder each: parameters, table, and panels, summaries and claims.

A page is found by its name: notebook `01_knee` has the folder `knee`, the model `Knee` in its `parameters`, and a
parameter file `01_knee.yaml` in each set. A page without a `table` shows what training measured.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from almostnothing.errors import UserError
from almostnothing.parameters.page import Parameters

HERE = Path(__file__).parent


def page_of(notebook: str) -> str:
    """The page's name: that of its notebook without the number."""
    return notebook.partition("_")[2]


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
