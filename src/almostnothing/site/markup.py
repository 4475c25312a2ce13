"""Tables that become a list of cards on a phone, and choices to filter by: HTML that the claims pages share."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def table(caption: str, heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str], int]], name: str) -> str:
    """A table with the class `name`, of rows (attributes of the row, cells as HTML, which cell is the row's head).

    Roles are spelled out, since browsers forget them where a style sheet lays a table out in another way.
    """
    head = "".join(f'<th scope="col" role="columnheader">{words}</th>' for words in heads)
    body = "\n".join(
        f'<tr role="row"{attributes}>{"".join(_cell(cell, i == own) for i, cell in enumerate(cells))}</tr>'
        for attributes, cells, own in rows
    )
    return (
        f'<table class="claims-stacked {name}" role="table"><caption class="visually-hidden">{html.escape(caption)}'
        f'</caption>\n<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{body}\n</tbody></table>'
    )


def _cell(content: str, is_head: bool) -> str:
    if is_head:
        return f'<th scope="row" role="rowheader">{content}</th>'
    return f'<td role="cell">{content}</td>'


def choice(name: str, label: str, values: Iterable[tuple[str, str]], chosen: str = "") -> str:
    """A labelled box of (value, words); its first value, empty, stands for all."""
    options = "".join(
        f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>{html.escape(words)}</option>'
        for value, words in (("", "all"), *values)
    )
    return f'<label>{label} <select name="{name}">{options}</select></label>'
