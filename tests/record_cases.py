"""A published record with nothing missing, and a folder that it stands in as if it had been published."""

import json
from pathlib import Path
from typing import Any

from almostnothing import records
from almostnothing.freshness import CONTENT

CASE: dict[str, Any] = {
    "where": {"dataset": "mnist"},
    **{"estimate": 0.5, "low": 0.4, "high": 0.6, "n": 5, "n_of": "seeds"},
    **{"networks": 0, "learned": 0, "left_out": 0},
    **{"verdict": "supported", "why": None, "at_half": "supported", "at_twice": "supported"},
}
CLAIM: dict[str, Any] = {
    **{"id": "05_moon.above", "page": "05_moon", "source": "seed 001, abstract", "quote": None},
    **{"statement": "networks are over 0.2 above chance", "role": "primary", "statistic": "accuracy less chance"},
    **{"range": [-1, 1], "threshold": 0.2, "direction": "above", "reason": "three times chance", "lock": None},
    **{"interval": "t over seeds", "simultaneous": True, "cases": [CASE], "verdict": "supported", "finding": "…"},
}
FACTS = {"classes": 10, "shape": [1, 28, 28], "train_per_class": 5421, "content": "", "arrays": "1" * 20}
SOURCE = {"name": "mnist", "facts": FACTS, "image_size": None, "downsample": 1, "pca_rank": None, "permutation": None}
RECORD: dict[str, Any] = {
    **{"figure": "05_moon", "set": "paper", "title": "The moon", "claims": [CLAIM], "parameters": {}},
    **{"digest": {"figure": "f" * 20, "table": "a" * 20}, "notebook": "n" * 20, "definitions": {}},
    **{"networks": [], "measured_by": {}, "table": {"sha256": "5" * 64, "rows": 4}, "sources": [SOURCE]},
    **{"environment": {"python": "3.11.7", "system": "Linux"}, "commit": {"id": "c" * 40, "modified": False}},
}


def publish(folder: Path, record: dict[str, Any], **contents: str) -> None:
    """Write the files of a page with its checksums; what `contents` does not give holds its own name."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {suffix: suffix for suffix in CONTENT} | contents | {"json": json.dumps(record)}
    for suffix, text in given.items():
        (folder / f"{record['figure']}.{suffix}").write_text(text)
    records.write_sums(folder, record["figure"], CONTENT)
