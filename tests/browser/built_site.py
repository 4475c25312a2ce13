"""The built site that the browser opens from its files, and how to start the browser."""

from __future__ import annotations

from pathlib import Path

SITE = Path(__file__).parents[2] / "results/site/html"
BUILD = "python -m almostnothing site"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pages() -> list[str]:
    """All pages of the built site, by their address from its root; none where it is not built."""
    found = (path.relative_to(SITE) for path in SITE.rglob("*.html"))
    return sorted(path.as_posix() for path in found if path.parts[0] not in ("_static", "files"))
