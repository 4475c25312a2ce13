"""What every part of the site needs: published records, addresses of pages, and marks of verdicts."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from almostnothing.claims import MARKS

SETS = {"paper": "real data", "quick": "toy data"}  # the sets that the site shows, the main one first
MIXED_MARK = "±"


def published(root: Path, parameter_set: str) -> list[dict[str, Any]]:
    """The published records of a set, by page: the `.json` files beside its figures."""
    paths = sorted((root / "figures" / parameter_set).glob("[0-9]*.json"))
    return [json.loads(path.read_text()) for path in paths]


def figure_address(parameter_set: str, name: str, claim_id: str = "") -> str:
    """A figure's page from the site's root, at one of its claims: `paper/05_survival.html#claim-above`."""
    return f"{parameter_set}/{name}.html" + (f"#{claim_anchor(claim_id)}" if claim_id else "")


def claim_anchor(claim_id: str) -> str:
    """The anchor of a claim on its figure's page: `claim-above` for `05_survival.above`."""
    return f"claim-{claim_id.rpartition('.')[2]}"


def file_address(parameter_set: str, name: str, suffix: str) -> str:
    """A published file from the site's root; `yaml` is the parameter file."""
    return f"files/{parameter_set}/{name}.{suffix}"


def verdict_class(verdict: str) -> str:
    """The CSS class of a verdict: `v-smaller-than-asked`."""
    return f"v-{verdict.replace(' ', '-')}"


def verdict_badge(verdict: str) -> str:
    """A verdict in its colour, with its mark and its word, so that no one needs the colour."""
    mark = MARKS.get(verdict, MIXED_MARK)
    return f'<span class="verdict {verdict_class(verdict)}">{html.escape(mark)} {html.escape(verdict)}</span>'
