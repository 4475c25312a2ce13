"""A forest plot of primary cases: each estimate and interval relative to its threshold, right where supported.

Statistics have scales of their own. What is drawn is (value − threshold)/h, where h is half the interval's width, with
its sign turned where the statistic must lie below: an interval that holds the threshold crosses 0, and the further it
is off, the surer the verdict. The axis is asinh, linear within an interval's width and logarithmic beyond. Drawn as
text and SVG in percent of the page's width, so that words keep their size on a phone and in print.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Mapping

from almostnothing.claims import place
from almostnothing.site import cases, marks, records
from almostnothing.verdicts import INCONCLUSIVE, REFUTED, SMALLER, SUPPORTED, UNKNOWN

LARGEST = 300.0  # half widths: what is further off is drawn at the edge
TICKS = (-100, -10, -1, 0, 1, 10, 100)
SHAPES = {  # of an estimate, about (0, 0), so that no one needs the colour
    SUPPORTED: '<circle r="4.5"/>',
    REFUTED: '<path d="M-4,-4L4,4M-4,4L4,-4" class="forest-cross"/>',
    SMALLER: '<path d="M4,-4.5V4.5L-5,0Z"/>',
    INCONCLUSIVE: '<circle r="4" class="forest-hollow"/>',
}


def plot(pages: Iterable[cases.Page], names: Mapping[str, str]) -> str:
    """The primary cases of a set as MyST: a panel for each text, in it each page's claims and their cases.

    `names`: what the texts are called, by their number.
    """
    panels: dict[str, list[cases.Claim]] = {}
    for page in pages:
        for claim in page.claims:
            if claim.primary:
                panels.setdefault((claim.texts or [marks.NO_TEXT])[0], []).append(claim)
    return "\n".join(_panel(names.get(text, text), panels[text]) for text in sorted(panels))


def summary(pages: Iterable[cases.Page]) -> str:
    """What the plot shows, in a sentence made from its numbers."""
    every = [case for page in pages for claim in page.claims if claim.primary for case in claim.cases]
    return f"Of {len(every)} primary cases {marks.in_words(marks.counted(every))}."


def legend() -> str:
    """The shapes and their verdicts."""
    entries = (
        f'<span class="forest-key {records.verdict_class(verdict)}"><svg width="14" height="14" aria-hidden="true">'
        f'<svg x="7" y="7" overflow="visible">{shape}</svg></svg> {verdict}</span>'
        for verdict, shape in SHAPES.items()
    )
    return f'<p class="forest-legend">{" ".join(entries)}</p>'


def relative(case: cases.Case, claim: cases.Claim) -> tuple[float, float, float] | None:
    """Estimate and ends of the interval less the threshold, in half widths, right where supported; None where unknown.

    Where the interval has no width, all three are infinite, or 0 at the threshold.
    """
    if case.estimate is None or case.low is None or case.high is None:
        return None
    half, sign = (case.high - case.low) / 2, -1 if claim.side == "below" else 1
    offs = [_over(sign * (value - claim.threshold), half) for value in (case.estimate, case.low, case.high)]
    return offs[0], min(offs[1:]), max(offs[1:])


def _over(value: float, half: float) -> float:
    if half:
        return value / half
    return math.copysign(math.inf, value) if value else 0.0


def position(value: float) -> float:
    """Where on the axis a value in half widths stands, in per cent of its length."""
    bound = max(-LARGEST, min(LARGEST, value))
    return 50 * (1 + math.asinh(bound) / math.asinh(LARGEST))


def _panel(name: str, found: list[cases.Claim]) -> str:
    every = [case for claim in found for case in claim.cases]
    counts = marks.in_words(marks.counted(every))
    rows = "\n".join(row for claim in found for row in _rows(claim))
    ticks = "".join(
        f'<span style="left:{position(tick):.2f}%">{f"{tick:g}".replace("-", "−")}</span>' for tick in TICKS
    )
    return f"""
## {name}

{len(every)} primary cases: {counts}.

```{{raw}} html
<div class="forest">
<div class="forest-row" aria-hidden="true"><span></span><span><span class="forest-ends"><span>← not as asked</span>
<span>as asked →</span></span><span class="forest-ticks">{ticks}</span></span></div>
{rows}
</div>
```
"""


def _rows(claim: cases.Claim) -> Iterator[str]:
    """A claim's heading, and a list of its cases."""
    yield (
        f'<h3 class="forest-claim"><a href="{html.escape(claim.page)}">{html.escape(claim.id)}</a> '
        f'{html.escape(claim.statement)}</h3><div role="list">'
    )
    for case in claim.cases:
        where = html.escape(place(case.where)) or "–"
        yield (
            f'<div role="listitem" class="forest-row {records.verdict_class(case.verdict)}"><span>{where}</span>'
            f'{_bar(case, claim)}<span class="forest-numbers">{html.escape(marks.found(case))} '
            f"{records.verdict_badge(case.verdict)}</span></div>"
        )
    yield "</div>"


def _bar(case: cases.Case, claim: cases.Claim) -> str:
    """Threshold, interval and estimate of a case; hidden from screen readers, for whom the words beside it are."""
    found = relative(case, claim)
    drawn = '<line x1="50%" x2="50%" y1="0" y2="100%" class="forest-zero"/>'
    if found is not None and case.verdict != UNKNOWN:
        middle, low, high = map(position, found)
        drawn += (
            f'<line x1="{low:.2f}%" x2="{high:.2f}%" y1="50%" y2="50%" class="forest-interval"/>'
            f'<svg x="{middle:.2f}%" y="50%" overflow="visible">{SHAPES[case.verdict]}</svg>'
        )
    return f'<svg class="forest-bar" aria-hidden="true">{drawn}</svg>'
