"""A picture on a page: on a white card, as figures are drawn on white, which scrolls where the page is narrow."""

from __future__ import annotations

import html

PLATE = (
    '<figure class="plate"><div class="plate-scroll" tabindex="0" role="region" aria-label="{label}, scrolls">'
    '<a href="{link}"><img src="{link}" alt="{alt}"{loading}></a></div>{caption}</figure>'
)


def plate(link: str, alt: str, label: str, caption: str = "", later: bool = False) -> str:
    """A picture with what it shows in words, and a link to itself at its full size; `later`: loaded when it is met."""
    return PLATE.format(
        label=label,
        link=link,
        alt=html.escape(alt),
        loading=' loading="lazy"' if later else "",
        caption=f"<figcaption>{html.escape(caption)}</figcaption>" if caption else "",
    )
