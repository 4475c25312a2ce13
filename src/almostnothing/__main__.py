"""The verbs that the Snakefile, the Makefile and people at a terminal call: `python -m almostnothing --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from almostnothing import data, params, publishing, sweeps
from almostnothing.errors import UserError
from almostnothing.store import STORE, Store


def figure_of(path: Path) -> publishing.Figure:
    """The figure of a parameter file."""
    figure = publishing.Figure(path.stem, path.parent.name)
    if path != figure.parameter_file:
        raise UserError(f"{path}: a parameter file has a path like {params.FOLDER}/quick/01_knee.yaml")
    return figure


def plan(arguments: argparse.Namespace) -> None:
    """Say what a parameter file asks for."""
    figure = figure_of(arguments.parameters)
    compute = figure.parameters.compute
    rest = sweeps.estimate(figure.shards, Store(STORE), compute)
    print(
        f"{figure.parameter_file}: {len(figure.cells)} cells in {len(figure.shards)} shards, {rest.cells} of them "
        f"to be trained: {rest.flops:.3g} FLOP, {rest.bytes / 2**30:.2f} GiB for the largest job, about "
        f"{rest.seconds / 60:.1f} minutes of one core here (within a factor of two)"
    )
    if not all(sweeps.exact(cell) for cell in figure.cells):
        print(
            "Batch or layer sizes that are no multiples of 16: a network's numbers depend on its stack, within rounding"
        )


def train(arguments: argparse.Namespace) -> None:
    """Train what one shard, or all of them, of a parameter file lacks."""
    figure = figure_of(arguments.parameters)
    for number, shard in enumerate(figure.shards, 1):
        if arguments.shard in (None, shard.key):
            cell = shard.cells[0]
            title = f"{figure.name} {number}/{len(figure.shards)} (width {cell.width})"
            sweeps.train(shard, Store(STORE), figure.parameters.compute, title, figure.folder)


def fetch(arguments: argparse.Namespace) -> None:
    """Bring the data sets of a parameter file, or one of them, into the data folder, and check them."""
    figure = figure_of(arguments.parameters)
    for source in figure.sources:
        if arguments.dataset in (None, source.name):
            found = data.load(source, figure.folder)
            sizes = f"{len(found.train.labels)} training and {len(found.test.labels)} test images"
            print(f"{source.name}: {sizes} in {figure.folder}")


def table(arguments: argparse.Namespace) -> None:
    """Collect the table of a parameter file's cells."""
    publishing.publish_table(figure_of(arguments.parameters))


def figure(arguments: argparse.Namespace) -> None:
    """Execute a notebook and publish its figure."""
    publishing.publish_figure(figure_of(arguments.parameters))


def gallery(arguments: argparse.Namespace) -> None:  # noqa: ARG001
    """Write the gallery into README.md."""
    readme = Path("README.md")
    text = readme.read_text()
    new = publishing.with_gallery(text)
    if new != text:
        readme.write_text(new)


def schema(arguments: argparse.Namespace) -> None:  # noqa: ARG001
    """Write the JSON schemas of the parameter files."""
    for name in params.NOTEBOOKS:
        (params.FOLDER / "schema" / f"{name}.json").write_text(params.schema(name))


def compare(arguments: argparse.Namespace) -> None:
    """Compare two folders of published figures."""
    found = publishing.differences(arguments.published, arguments.again)
    if found:
        raise UserError("; ".join(found))
    print(f"{arguments.again} agrees with {arguments.published}: claims and tables, within the stated tolerance")


def main() -> None:
    """Run one verb; a user's mistake is one sentence on standard error and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m almostnothing", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in (plan, fetch, train, table, figure):
        sub = verbs.add_parser(verb.__name__, help=verb.__doc__)
        sub.add_argument("parameters", type=Path, help="a file params/SET/NAME.yaml")
        sub.set_defaults(verb=verb)
        if verb is train:
            sub.add_argument("--shard", help="the key of one shard; without it, all of them")
        if verb is fetch:
            sub.add_argument("--dataset", help="the name of one data set; without it, all of them")
    verbs.add_parser("gallery", help=gallery.__doc__).set_defaults(verb=gallery)
    sub = verbs.add_parser("compare", help=compare.__doc__)
    sub.add_argument("published", type=Path)
    sub.add_argument("again", type=Path)
    sub.set_defaults(verb=compare)
    verbs.add_parser("schema", help=schema.__doc__).set_defaults(verb=schema)
    arguments = parser.parse_args()
    try:
        arguments.verb(arguments)
    except UserError as error:
        print(f"almostnothing: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
