"""What published drawings say of themselves: their size, so that a page can keep room for them, and panels' words.

Matplotlib writes each word of an SVG as shapes, with the word in a comment.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from almostnothing.errors import UserError

SIZE = re.compile(r'<svg[^>]*\swidth="([\d.]+)pt"\sheight="([\d.]+)pt"')


def size(content: bytes) -> tuple[int, int]:
    """Width and height of an SVG in points, or of a PNG in pixels, so that a page can keep room for it.

    Raises `UserError` for an SVG that does not say them.
    """
    if content[1:4] == b"PNG":
        return struct.unpack(">II", content[16:24])
    found = SIZE.search(content[:2000].decode())
    if not found:
        raise UserError("a published SVG does not say its size in points")
    return round(float(found[1])), round(float(found[2]))


GROUP = "{http://www.w3.org/2000/svg}g"
DIGIT = re.compile(r"\d")
NUMBER = re.compile(r"[-−+]?\d*\.?\d+")
COMMAND = re.compile(r"\\([A-Za-z]+)")
SYMBOLS = {  # Greek letters are found by their names
    "sqrt": "√", "times": "×", "cdot": "·", "langle": "⟨", "rangle": "⟩", "nabla": "∇", "lambda": "λ", "infty": "∞",
    "le": "≤", "ge": "≥", "propto": "∝", "approx": "≈", "to": "→", "ln": "ln ", "log": "log ", "cos": "cos ",
}  # fmt: skip

BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass
class Panel:
    """A panel's words: its letter, its heading, the numbers in it, what stands along its axes, and its legend."""

    letter: str = ""
    heading: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    across: str = ""
    up: str = ""
    series: list[str] = field(default_factory=list)

    def told(self, of_others: bool) -> str:
        """The panel in words: `a, clean test: accuracy against p (network; NCM)`.

        `of_others`: without what has a number in it, as pictures of other data have other numbers.
        """
        if of_others:
            heading, series = (
                [words for words in some if not DIGIT.search(words)] for some in (self.heading, self.series)
            )
            return Panel(self.letter, heading, [], self.across, self.up, series).told(False)
        head = ", ".join(filter(None, (self.letter, " ".join(self.heading))))
        axes = " against ".join((self.up, self.across) if self.across else (self.up,)).strip()
        values = (
            f"{len(self.numbers)} numbers from {min(self.numbers):g} to {max(self.numbers):g}" if self.numbers else ""
        )
        legend = f" ({'; '.join(self.series)})" if self.series else ""
        return ": ".join(filter(None, (head, ", ".join(filter(None, (axes, values)))))) + legend


def told(svg: bytes, of_others: bool = False) -> str:
    """The panels that have a letter, in words, in the order in which they are drawn, and the legend of all.

    `of_others`: only what holds, too, of pictures that are drawn in the same way from other data.
    """
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    root = ElementTree.fromstring(svg, parser)
    found = [_panel(group) for group in root.iter(GROUP) if _is_axes(group)]
    shared = [words for part in root.iter() for legend in part if not _is_axes(part) for words in _legend(legend)]
    shared = [words for words in shared if not (of_others and DIGIT.search(words))]
    parts = [f"Panel {panel.told(of_others)}." for panel in found if panel.letter]
    return " ".join([*parts, f"Lines and marks: {'; '.join(shared)}."] if shared else parts)


def _is_axes(group: ElementTree.Element) -> bool:
    return group.get("id", "").startswith("axes_")


def _legend(group: ElementTree.Element) -> list[str]:
    """The words of a legend; none of another group."""
    texts = [text for text in group.iter(GROUP) if text.get("id", "").startswith("text_")]
    return [" ".join(_words(text)) for text in texts] if group.get("id", "").startswith("legend_") else []


def _panel(axes: ElementTree.Element) -> Panel:
    panel, axis = Panel(), 0
    for part in axes:
        name = part.get("id", "")
        if name.startswith("matplotlib.axis_"):
            label = " ".join(words for text in part if text.get("id", "").startswith("text_") for words in _words(text))
            panel.across, panel.up = (label, panel.up) if axis == 0 else (panel.across, label)
            axis += 1
        elif name.startswith("legend_"):
            panel.series += _legend(part)
        elif name.startswith("text_"):
            words = " ".join(_words(part))
            if re.fullmatch("[a-z]", words) and not panel.letter:
                panel.letter = words
            elif NUMBER.fullmatch(words):
                panel.numbers.append(float(words.replace("−", "-")))
            else:
                panel.heading.append(words)
    return panel


def _words(text: ElementTree.Element) -> Iterator[str]:
    """The lines of a text, its mathematics as plain characters."""
    for part in text:
        if part.tag is ElementTree.Comment:
            yield plain((part.text or "").strip())


def plain(words: str) -> str:
    r"""Words with their mathematics as plain characters, `$1/\sqrt{d}$` as 1/√d; marks over letters are left out."""
    told = re.sub(r"[\\${}]", "", COMMAND.sub(_symbol, words)).replace("^*", "*")
    told = re.sub(r"\b(ln|log|cos) +\(", r"\1(", told)
    return re.sub(r"_(\d)\b", lambda found: found[1].translate(BELOW), told)


def _symbol(command: re.Match[str]) -> str:
    name = command[1]
    letter = f"GREEK {'SMALL' if name.islower() else 'CAPITAL'} LETTER {name.upper()}"
    try:
        return SYMBOLS[name] if name in SYMBOLS else unicodedata.lookup(letter)
    except KeyError:
        return ""
