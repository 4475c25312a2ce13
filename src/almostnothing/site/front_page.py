"""What the front page says and shows: the question's answer and the figure, from the README, and the three doors.

`play` puts its own picture in the place of the figure: it writes `_generated/hero.md` after this.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from almostnothing.errors import UserError
from almostnothing.freshness import FIGURES
from almostnothing.site import claim_cards, drawings
from almostnothing.site.plates import plate
from almostnothing.site.records import raw

PLACE = 0
PAGES: list[tuple[str, str]] = []
FIGURE = "files/front.svg"
DOORS = {  # words, links (document: words), command
    "Read": (
        "Every prediction of five texts, in its own words, with what was measured of it.",
        {"texts/index": "the five texts", "paper/index": "all figures", "methods/index": "methods and notation"},
        "make site",
    ),
    "Reproduce": (
        "Make every figure of the toy set again from nothing and compare it with what is published. Two cores, no GPU.",
        {"reviewers": "for reviewers", "methods/promises": "what is promised"},
        "make",
    ),
    "Change a parameter": (
        "Another p, width, data set, law, or your own data: you pay only for what changed.",
        {"methods/parameters": "parameters", "methods/data": "data and laws", "methods/pages": "add a page"},
        "cp -r params/quick params/mine\n$EDITOR params/mine/01_knee.yaml\nmake figures SET=mine",
    ),
}


def write(root: Path, source: Path) -> None:
    """Write the blocks that the front page includes, and its figure."""
    readme = (root / "README.md").read_text()
    generated = source / "_generated"
    (generated / "answer.md").write_text(introduction(readme) + "\n")
    file = source / "_extra" / FIGURE
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / FIGURES / "front.svg", file)
    (generated / "hero.md").write_text(hero(caption(readme), drawings.size(file.read_bytes())))
    (generated / "doors.md").write_text(doors())


def introduction(readme: str) -> str:
    """The README's first words below its title, without the question, which is the front page's own first line."""
    words = readme.split("\n![", 1)[0].partition("\n")[2].strip()
    return words.partition("? ")[2]


def caption(readme: str) -> str:
    """The generated words of the README about its figure, with links to pages of the site.

    Raises `UserError` where the README has none.
    """
    found = re.search(r"<!-- front -->\s*(.+?)\s*<!-- end of front -->", readme, re.DOTALL)
    if not found:
        raise UserError("README.md has no words between <!-- front --> and <!-- end of front -->")
    return re.sub(r"\]\(figures/(\w+/\w+)\.ipynb\)", r"](/\1.md)", found.group(1))


def hero(words: str, size: tuple[int, int]) -> str:
    """The figure with its words, which also tell what it shows to who cannot see it."""
    plain = re.sub(r"\*\*(\w)\*\* ", r"\1: ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words))
    return f"{raw(plate(FIGURE, plain, 'Figure', size))}\n{words}\n"


def doors() -> str:
    """The three doors: what is behind each, where it leads, and its command."""
    items = []
    for name, (words, links, command) in DOORS.items():
        leads = " · ".join(f'<a href="{to}.html">{shown}</a>' for to, shown in links.items())
        items.append(
            f'<section class="door"><h2>{name}</h2><p>{words}</p>{claim_cards.copyable(command)}'
            f"<p>{leads}</p></section>"
        )
    return raw(f'<div class="doors">{"".join(items)}</div>')
