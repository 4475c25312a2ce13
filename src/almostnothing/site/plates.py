"""A picture on a page: on a white card, as figures are drawn on white, which scrolls where the page is narrow."""

from __future__ import annotations

import html

PLATE = (
    '<figure class="plate"{id}{dataset}>'
    '<div class="plate-scroll" tabindex="0" role="region" aria-label="{label}, scrolls">'
    '<a class="plate-link" href="{link}">'
    '<img src="{link}" alt="{alt}" width="{width}" height="{height}"{loading}></a></div>'
    "{caption}</figure>"
)


def plate(
    link: str,
    alt: str,
    label: str,
    size: tuple[int, int],
    caption: str = "",
    name: str = "",
    later: bool = False,
    dataset: str = "",
) -> str:
    """A picture with what it shows in words, and a link to itself at its full size; `later`: loaded when it is met.

    `size`: width and height, for which the page keeps room. `name`: an address within the page. `dataset`: the one that
    it is of, where the page can switch between several.
    """
    return PLATE.format(
        id=f' id="{name}"' if name else "",
        dataset=f' data-dataset="{dataset}"' if dataset else "",
        label=label,
        width=size[0],
        height=size[1],
        link=link,
        alt=html.escape(alt),
        loading=' loading="lazy"' if later else "",
        caption=f"<figcaption>{html.escape(caption)}</figcaption>" if caption else "",
    )
