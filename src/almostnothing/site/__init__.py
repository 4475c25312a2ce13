"""The static site: every published figure, claim and document as pages that open from `file://` and any static host.

`build` copies `site/` (conf.py, index.md, `_static/`, `_templates/`, hand-written pages) to a scratch folder `source`,
lets each *part* write its generated pages and files there, and runs Sphinx on it. A part is a module of this package,
found by its name, with

- `write(root, source) -> None`: writes Markdown pages (MyST) and static files below `source`; `root` is the project's
  folder;
- `PLACE: int`: when it writes, and where its pages stand in the sidebar, small first: front page 0, figures 10,
  claims 20, texts 30, play 40, methods 50;
- `PAGES: list[tuple[str, str]]`: (document name below `source`, without `.md`; title), one for each entry in the
  sidebar. Pages below these are named in a toctree of theirs.

A module without `write` (a helper, as `records`) is no part. A page `site/NAME.md` may also be written by hand; a part
names it in its `PAGES`.

| below `source` | in the site |
|---|---|
| `NAME.md` | `NAME.html` |
| `_generated/hero.md`, `_generated/scoreboard.md` | included in the front page; no pages themselves |
| `_static/PART/…` | `_static/PART/…`; a page loads it with a raw `<script src="_static/PART/x.js">` or `<link>` |
| `_extra/…` | copied to the site's root as it is |

Addresses that others may link to: a figure's page `SET/NAME.html` (`paper/05_survival.html`), with an anchor
`#claim-above` for the claim `05_survival.above`; its files `files/SET/NAME.{svg,pdf,csv,json,ipynb,yaml}`; a text's
page `texts/001.html`; the claims `claims.html`; play `play.html`. `records` has functions that make them.

Colours of verdicts are CSS variables and classes in `site/_static/site.css`, as in
`<span class="verdict v-supported">✓ supported</span>`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
import shutil
from pathlib import Path
from types import ModuleType

from almostnothing.errors import UserError
from almostnothing.site.finishing import finish

SOURCES = Path("site")
SCRATCH = Path("results/site")
HTML = SCRATCH / "html"
BUILT = "objects.inv"  # what every site has that Sphinx built


def parts() -> list[ModuleType]:
    """The modules of this package that write something, in the order of their pages."""
    names = [found.name for found in pkgutil.iter_modules(__path__)]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return sorted((one for one in modules if hasattr(one, "write")), key=lambda one: (one.PLACE, one.__name__))


def write_sources(root: Path, source: Path) -> None:
    """Fill the scratch folder `source` anew: what is hand-written, what each part makes, and the sidebar's toctree."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(root / SOURCES, source, ignore=shutil.ignore_patterns("__pycache__"))
    generated = source / "_generated"
    generated.mkdir()
    (source / "_extra").mkdir(exist_ok=True)
    (generated / "scoreboard.md").write_text("")
    for part in parts():
        part.write(root, source)
    entries = [f"{title} <{name}>" for part in parts() for name, title in part.PAGES]
    (generated / "toctree.md").write_text("\n".join(["```{toctree}", ":hidden:", "", *entries, "```", ""]))


def build(root: Path, out: Path) -> Path:
    """Build the site of the project at `root` into the folder `out`; returns its front page.

    A site that was there before stays until the new one is whole. Raises `UserError` where Sphinx is not installed or
    warns of anything, and for a folder that holds something else.
    """
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / BUILT).is_file())):
        raise UserError(f"{out} holds something else than a site: name a new folder, or an empty one")
    try:
        from sphinx.cmd.build import build_main
    except ImportError as error:
        raise UserError("the site needs Sphinx: python -m pip install -c constraints.txt -e '.[site]'") from error
    scratch = root / SCRATCH
    source, made = scratch / "source", scratch / "made"
    write_sources(root, source)
    shutil.rmtree(made, ignore_errors=True)
    told, warned = io.StringIO(), io.StringIO()
    options = ["-b", "html", "-E", "-q", "-W", "--keep-going", "-d"]
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(warned):
        failed = build_main([*options, str(scratch / "doctrees"), str(source), str(made)])
    if failed:
        raise UserError(f"the site could not be built:\n{warned.getvalue().strip()}")
    finish(made)
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, out)
    return out / "index.html"
