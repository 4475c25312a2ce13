"""The JSON schema of parameter files: one file of definitions, and for each page a line that points into it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic.json_schema import models_json_schema

from almostnothing import pages
from almostnothing.files import write_atomic

FILE = Path("params/schema.json")


def schema() -> str:
    """All definitions as text; a page's model is `#/$defs/<Model>`."""
    models = [pages.model_of(f"_{page}", "schema") for page in pages.known_pages()]
    title = "Parameter files of Almost Nothing"
    _, found = models_json_schema([(model, "validation") for model in models], title=title)
    return json.dumps(found, indent=1) + "\n"


def pointers() -> dict[Path, str]:
    """What an editor opens for each page: a reference to its model."""
    folder = FILE.with_suffix("")
    models = {page: pages.model_of(f"_{page}", "schema").__name__ for page in pages.known_pages()}
    texts = {page: json.dumps({"$ref": f"../{FILE.name}#/$defs/{name}"}) + "\n" for page, name in models.items()}
    return {folder / f"{page}.json": text for page, text in texts.items()}


def write() -> None:
    """Write `params/schema.json` and the pointers."""
    for path, text in {FILE: schema(), **pointers()}.items():
        write_atomic(path, text.encode())
