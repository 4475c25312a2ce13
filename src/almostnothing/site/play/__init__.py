"""Play: the front page's slider, an image to corrupt, a game against network and rule, a knee calculator.

The pages are hand-written, `site/play*.md`; this part adds what stands in published tables: the slider's accuracies,
the networks' counts, the points measured beside the calculator's curves. Scripts, style and assets are in
`site/_static/play/`; `export` makes the assets anew.
"""

from almostnothing.site.play.writing import write

PLACE = 40
PAGES = [("play", "Play")]

__all__ = ["PAGES", "PLACE", "write"]
