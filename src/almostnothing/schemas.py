"""One JSON schema for all parameter files: shared definitions, and a definition for each page."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic.json_schema import models_json_schema

from almostnothing import pages

FILE = Path("params/schema.json")


def schema() -> str:
    """The schema as text; an editor finds a page's part under `#/$defs/<Page>`."""
    models = [pages.model_of(f"_{page}", "schema") for page in pages.known_pages()]
    _, found = models_json_schema(
        [(model, "validation") for model in models], title="Parameter files of Almost Nothing"
    )
    return json.dumps(found, indent=1) + "\n"


def write() -> None:
    """Write `params/schema.json`."""
    FILE.write_text(schema())
