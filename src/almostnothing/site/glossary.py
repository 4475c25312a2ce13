"""The glossary: a page with every symbol, and cards for its abbreviations on all pages. From `site/glossary.yml`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

FILE = "glossary.yml"
HEADS = "| symbol | what |\n|---|---|"


def entries(folder: Path) -> list[dict[str, Any]]:
    """The entries of the glossary, as `site/glossary.yml` has them."""
    return yaml.safe_load((folder / FILE).read_text())


def page(found: list[dict[str, Any]]) -> str:
    """The glossary as a page."""
    rows = []
    for entry in found:
        beside = " · ".join(filter(None, (f"`{entry['code']}`", _cell(entry["shape"]), entry["source"])))
        rows.append(f"| {entry['symbol']} | **{entry['name']}**. {_cell(entry['meaning'])}<br>{beside} |")
    words = (
        "Below each meaning: the name in code, which stands below `almostnothing`; shape or unit; where it comes from. "
        "Docstrings use the same symbols."
    )
    return "\n".join(["# Glossary\n", words, "", HEADS, *rows, ""])


def script(found: list[dict[str, Any]]) -> str:
    """The cards as a script, as a page opened from a file may read no other: mention → title, meaning."""
    cards = {mention: [entry["name"], entry["meaning"]] for entry in found for mention in entry.get("mention", [])}
    return f"window.GLOSSARY = {json.dumps(cards, ensure_ascii=False, indent=1)};\n"


def _cell(text: str) -> str:
    """Words as they must stand in a table's cell."""
    return text.replace("|", "\\|")
