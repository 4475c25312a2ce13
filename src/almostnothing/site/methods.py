"""Methods and notation: the documents of `docs/` as pages, the glossary, data cards, and a page for reviewers."""

from __future__ import annotations

import re
from pathlib import Path

from almostnothing.data.catalogue import CATALOGUE
from almostnothing.naming import dataset_name
from almostnothing.site import glossary, records

PLACE = 50
PAGES = [("methods/index", "Methods and notation"), ("reviewers", "For reviewers")]
HERE = "methods"
LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<to>[^)\s]+)\)")
FIRST = ("verdicts", "glossary", "cards", "corrections", "limits", "theory")  # in the list; others follow by name


def write(root: Path, source: Path) -> None:
    """Write the pages."""
    folder = source / HERE
    folder.mkdir(exist_ok=True)
    found = glossary.entries(source)
    pages = {path.stem: linked(path.read_text(), root) for path in sorted((root / "docs").glob("*.md"))}
    pages |= {"glossary": glossary.page(found), "cards": cards(root)}
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)
    (folder / "index.md").write_text(index(pages))
    (source / "_static/glossary_terms.js").write_text(glossary.script(found))


def linked(text: str, root: Path) -> str:
    """A document with its links turned to pages of the site; what is no page there is named as code."""

    def turned(found: re.Match[str]) -> str:
        words, to = found["words"], found["to"]
        page = address(to, root)
        return f"[{words}]({page})" if page else words

    return LINK.sub(turned, text)


def address(to: str, root: Path) -> str | None:
    """Where a link of a document leads in the site, from `methods/`; None where there is no such page."""
    if re.match(r"(https?:|#|[\w-]+\.md)", to):
        return to
    figure = re.fullmatch(r"\.\./figures/(\w+)/(\w+)\.ipynb", to)
    if figure and any(record["figure"] == figure[2] for record in records.published(root, figure[1])):
        return f"../{figure[1]}/{figure[2]}.md"
    gallery = re.fullmatch(r"\.\./figures/(\w+)/README\.md", to)
    if gallery and gallery[1] in records.SETS:
        return f"../{gallery[1]}/index.md"
    notebook = re.fullmatch(r"\.\./notebooks/(\w+)\.py", to)
    main = next(iter(records.SETS))
    if notebook and any(record["figure"] == notebook[1] for record in records.published(root, main)):
        return f"../{main}/{notebook[1]}.md"
    return "../index.md" if to == "../README.md" else None


def cards(root: Path) -> str:
    """Cards of the data sets: origin, licence, citation, sizes, and the pages that they are on."""
    parts = [
        "# Data cards\n",
        "Moments of pixels and digests of the arrays, as read here, are on "
        "[the page of data and laws](../paper/00_data.md). How data are found, checked and split: [data](data.md).\n",
    ]
    for name, entry in CATALOGUE.items():
        facts = entry.facts
        shape = " × ".join(map(str, facts.shape))
        pages = {
            f"pages on {words}": ", ".join(
                f"[{record['figure']}](../{parameter_set}/{record['figure']}.md)"
                for record in records.published(root, parameter_set)
                if _has(record, name)
            )
            or "none"
            for parameter_set, words in records.SETS.items()
        }
        rows = {
            "origin": entry.origin,
            "licence": entry.licence,
            "citation": entry.citation,
            "classes, shape": f"{facts.classes}, {shape} (channels × height × width)",
            "training images of a class": f"at most {facts.train_per_class:,}",
            "name in parameter files": f"`{name}`",
            **pages,
        }
        table = "\n".join(f"| {head} | {words} |" for head, words in rows.items())
        parts.append(f"## {dataset_name(name)}\n\n| | |\n|---|---|\n{table}\n")
    return "\n".join(parts)


def _has(record: records.Record, name: str) -> bool:
    """Whether a page shows a data set, under whichever name it was read."""
    return dataset_name(name) in records.datasets(record)


def index(pages: dict[str, str]) -> str:
    """The list of the pages, by their titles."""
    ordered = [*(name for name in FIRST if name in pages), *(name for name in pages if name not in FIRST)]
    items = "\n".join(f"- [{_title(pages[name])}]({name}.md)" for name in ordered)
    names = "\n".join(ordered)
    words = (
        "How a claim is decided, what “learned” means, what the symbols are, what was corrected, and how to add a page."
    )
    return f"# Methods and notation\n\n{words}\n\n{items}\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def _title(text: str) -> str:
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found.group(1) if found else "Untitled"
