"""The verbs that the Snakefile, the Makefile and people at a terminal call: `python -m almostnothing --help`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from almostnothing import running
from almostnothing.errors import UserError
from almostnothing.parameters.names import set_name

FIGURES = Path("figures")
CHECKS = Path("results/checks")
ALL = "all"


def plan(arguments: argparse.Namespace) -> None:
    """Say what a parameter file, or a whole set, asks for, and what it would cost."""
    if arguments.parameters.suffix != ".yaml":
        from almostnothing import forecasting

        print("\n".join(forecasting.forecast(_set_of(arguments.parameters))))
        return
    from almostnothing import costs, sizes
    from almostnothing.data import lookup
    from almostnothing.store import STORE, Store

    page = _page(arguments)
    rest = costs.estimate(page.shards, Store(STORE), page.parameters.compute)
    print(
        f"{page.parameter_file}: {len(page.cells)} cells in {len(page.shards)} shards, {rest.cells} of them "
        f"to be trained: {rest.flops:.3g} FLOP, {rest.bytes / 2**30:.2f} GiB for the largest job, about "
        f"{rest.seconds / 60:.1f} minutes of one core here (within a factor of two)"
    )
    for source in page.sources:
        for remark in lookup.remarks(source, page.folder):
            print(f"{source.name}: {remark}")
    if not all(map(sizes.exact, page.cells)):
        print(
            "Batch or layer sizes that are no multiples of 16: a network's numbers depend on its stack, within rounding"
        )


def fetch(arguments: argparse.Namespace) -> None:
    """Bring the data sets of a parameter file, or one of them, into the data folder, and check them."""
    from almostnothing import data

    page = _page(arguments)
    for source in page.sources:
        if arguments.dataset in (None, source.name):
            with running.turn(source.name, str(page.folder), source.name):
                found = data.load(source, page.folder)
            sizes = f"{len(found.train.labels)} training and {len(found.test.labels)} test images"
            print(f"{source.name}: {sizes} in {page.folder}")


def check(arguments: argparse.Namespace) -> None:
    """Say what is understood of a data set, and draw some of its pictures with their labels."""
    from almostnothing import data, planning
    from almostnothing.data import inspection

    sheet = arguments.sheet or CHECKS / f"{planning.slug(arguments.dataset)}.png"
    folder = data.folder(arguments.data_root)
    print("\n".join(inspection.inspected(arguments.dataset, folder, arguments.image_size, sheet)))


def train(arguments: argparse.Namespace) -> None:
    """Train what one shard, or all of them, of a parameter file lacks."""
    page = _prepared(arguments)
    from almostnothing import sweeps
    from almostnothing.devices import device_for
    from almostnothing.store import STORE, Store

    if unknown := set(arguments.shard or ()) - {shard.key for shard in page.shards}:
        raise UserError(
            f"{page.parameter_file} asks for no shard {min(unknown)}: its parameters, its data or the code changed "
            f"since this was planned; running snakemake --config params={page.parameter_set} again goes on from there"
        )
    compute = page.parameters.compute
    shards = [shard for shard in page.shards if not arguments.shard or shard.key in arguments.shard]
    if device_for(compute.device).type == "cuda":
        shards = sweeps.stacked(shards)
    for number, shard in enumerate(shards, 1):
        title = f"{page.name} {number}/{len(shards)} (width {shard.cells[0].width})"
        with running.turn(title, shard.key):
            sweeps.train(shard, Store(STORE), compute, title, page.folder)


def table(arguments: argparse.Namespace) -> None:
    """Collect or measure the table of a parameter file."""
    page = _prepared(arguments)
    from almostnothing import planning, publishing

    with running.turn(f"table of {page.name}", str(page.file("csv").absolute())):
        planning.check_planned(page)
        publishing.make_table(page)


def figure(arguments: argparse.Namespace) -> None:
    """Execute the notebook of a parameter file and make its figure."""
    from almostnothing import publishing

    page = _page(arguments)
    with running.turn(f"figure of {page.name}", str(page.file("svg").absolute())):
        publishing.make_figure(page)


def reproduce(arguments: argparse.Namespace) -> None:
    """Make a whole set again in results/reproduced and compare it with what is published."""
    from almostnothing import reproducing

    reproducing.reproduce(arguments.parameter_set, arguments.cores)


def status(arguments: argparse.Namespace) -> None:
    """Say of every page whether it is fresh, and if not why, what it costs and what to call."""
    from almostnothing import reporting

    for parameter_set in [arguments.parameter_set] if arguments.parameter_set else reporting.published_sets():
        print("\n".join(reporting.status(parameter_set, arguments.verbose)))


def publish(arguments: argparse.Namespace) -> None:
    """Make the published files of a set from a clean commit, then the galleries and the front page."""
    from almostnothing import publishing

    publishing.publish(arguments.parameter_set, arguments.cores)
    gallery(arguments)
    verdicts(argparse.Namespace(from_git=False))


def certify(arguments: argparse.Namespace) -> None:
    """Retrain a sample of a set's networks and record that an edit has left their numbers as they were."""
    from almostnothing import certifying

    print("\n".join(certifying.certify(arguments.parameter_set, arguments.why)))


def lock(arguments: argparse.Namespace) -> None:
    """Lock a set's primary claims before their results, or with --check say which are not."""
    from almostnothing import locks

    found = (locks.problems if arguments.check else locks.lock)(arguments.parameter_set)
    if arguments.check and found:
        raise UserError("; ".join(found))
    print("\n".join(found) if found else f"{arguments.parameter_set}: every published primary claim was locked before")


def health(arguments: argparse.Namespace) -> None:
    """Say how many networks of a set learned, by page, size and strength."""
    from almostnothing import reporting

    print("\n".join(reporting.health(arguments.parameter_set)))


def store(arguments: argparse.Namespace) -> None:
    """Say what the store of trained networks holds, by page, and with --remove delete what no page wants."""
    from almostnothing import keeping

    print("\n".join(keeping.holdings(arguments.remove)))


def gallery(arguments: argparse.Namespace) -> None:  # noqa: ARG001
    """Write each published set's gallery and the generated parts of the front page."""
    from almostnothing import publishing

    with publishing.own_settings():
        from almostnothing import gallery

        gallery.write()


def verdicts(arguments: argparse.Namespace) -> None:
    """Note in site/verdicts which verdicts of the published sets have changed, or write them anew --from-git."""
    from almostnothing import gallery
    from almostnothing.site import verdicts

    for name in gallery.published_sets():
        if arguments.from_git:
            verdicts.save(name, verdicts.rebuilt(name))
        print(f"{name}: {verdicts.update(name, gallery.records(name))} verdicts noted")


def verify(arguments: argparse.Namespace) -> None:
    """Say of every published file of a set, or of all sets and the front page, whether it is as it was made."""
    from almostnothing import reporting, verifying

    everything = arguments.parameter_set == ALL
    names = reporting.published_sets() if everything else [arguments.parameter_set]
    found = [sentence for name in names for sentence in verifying.verify(name)]
    if everything and not found:
        found = list(verifying.verify_front())
    print("\n".join(found or [f"{name}: every published file is as it was made" for name in names]))
    if found:
        print("To make pages again: snakemake --config params=SET; to have back what git has: git checkout -- FILE")
        sys.exit(1)


def schema(arguments: argparse.Namespace) -> None:  # noqa: ARG001
    """Write the JSON schema of the parameter files."""
    from almostnothing import schemas

    schemas.write()


def compare(arguments: argparse.Namespace) -> None:
    """Compare two folders of made figures."""
    from almostnothing import comparing

    found = [words for one in comparing.compare(arguments.published, arguments.again) for words in one.differences]
    if found:
        raise UserError("; ".join(found))
    print(f"{arguments.again} agrees with {arguments.published}: claims and tables, within the stated tolerance")


def site(arguments: argparse.Namespace) -> None:
    """Build the static site from what is published and from the documents."""
    from almostnothing import site
    from almostnothing.files import project

    try:
        root = project()
    except FileNotFoundError as error:
        raise UserError(str(error)) from error
    print(f"Open {site.build(root, arguments.out or root / site.HTML)}")


def _set_of(path: Path) -> str:
    """The set that a path names: its name alone, or with the folder of all sets before it."""
    if len(path.parts) == 1 or path.parent == Path("params"):
        return path.name
    raise UserError(f"{path}: a parameter set is named quick or params/quick, a file params/quick/01_knee.yaml")


def _prepared(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """The page of a parameter file, and the arithmetic that it asks for: before anything imports torch."""
    from almostnothing import environment

    page = _page(arguments)
    if page.parameters.compute.portable:
        environment.portable()
    return page


def _page(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """The page of a parameter file."""
    from almostnothing.freshness import Page
    from almostnothing.parameters.names import check_name

    path = arguments.parameters
    set_name(path.parent.name)
    check_name(path.stem, f"file in {path.parent}")
    page = Page(path.stem, path.parent.name, arguments.into)
    if path != page.parameter_file:
        raise UserError(f"{path}: a parameter file has a path like params/quick/01_knee.yaml")
    return page


def main() -> None:
    """Run one verb; a user's mistake is one sentence on standard error and exit status 2."""
    gc.set_threshold(10_000)  # loading libraries makes many objects and frees few: to look for those took its time
    parser = argparse.ArgumentParser(prog="python -m almostnothing", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in (plan, fetch, train, table, figure):
        sub = verbs.add_parser(verb.__name__, help=verb.__doc__)
        what = "a file params/SET/NAME.yaml" + (", or a set SET or params/SET" if verb is plan else "")
        sub.add_argument("parameters", type=Path, help=what)
        sub.add_argument("--into", type=Path, default=FIGURES, help="folder of the sets' figures")
        sub.set_defaults(verb=verb)
        if verb is train:
            sub.add_argument("--shard", nargs="+", help="the keys of some shards; without them, all")
        if verb is fetch:
            sub.add_argument("--dataset", help="the name of one data set; without it, all of them")
    for verb in (reproduce, publish, certify, status, verify, lock, health):
        sub = verbs.add_parser(verb.__name__, help=verb.__doc__)
        sub.add_argument("parameter_set", metavar="SET", nargs="?" if verb is status else None)
        sub.set_defaults(verb=verb)
        if verb in (reproduce, publish):
            sub.add_argument("--cores", default=str(os.cpu_count() or 1), help="jobs at a time")
        if verb is verify:
            sub.description = f"{verify.__doc__} SET may be {ALL}."
        if verb is status:
            sub.add_argument("--verbose", action="store_true", help="modules that count whole in digests, and why")
        if verb is lock:
            sub.add_argument("--check", action="store_true", help="say what is not locked, and lock nothing")
        if verb is certify:
            sub.add_argument("--why", required=True, help="what was edited, for the record")
    sub = verbs.add_parser("check", help=check.__doc__)
    sub.add_argument("dataset", help="its name, as in a parameter file: npz:mine.npz, imagefolder:mine, mnist, …")
    sub.add_argument("--image-size", type=int, help="pixels a side of an image folder's pictures")
    sub.add_argument("--data-root", help="the data folder, where the environment names none")
    sub.add_argument("--sheet", type=Path, help=f"the PNG of the pictures; without it, a file in {CHECKS}")
    sub.set_defaults(verb=check)
    sub = verbs.add_parser("store", help=store.__doc__)
    sub.add_argument("--remove", action="store_true", help="delete the networks that no page of any set wants")
    sub.set_defaults(verb=store)
    verbs.add_parser("gallery", help=gallery.__doc__).set_defaults(verb=gallery)
    sub = verbs.add_parser("verdicts", help=verdicts.__doc__)
    sub.add_argument("--from-git", action="store_true", help="first take all that git's history of figures/ has")
    sub.set_defaults(verb=verdicts)
    sub = verbs.add_parser("compare", help=compare.__doc__)
    sub.add_argument("published", type=Path)
    sub.add_argument("again", type=Path)
    sub.set_defaults(verb=compare)
    verbs.add_parser("schema", help=schema.__doc__).set_defaults(verb=schema)
    sub = verbs.add_parser("site", help=site.__doc__)
    sub.add_argument("--out", type=Path, metavar="FOLDER", help="where to; without it, results/site/html")
    sub.set_defaults(verb=site)
    arguments = parser.parse_args()
    try:
        if getattr(arguments, "parameter_set", None):
            set_name(arguments.parameter_set)
        arguments.verb(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read, as `head` does, has seen enough; what is left must not be written at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except UserError as error:
        print(f"almostnothing: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if not error.filename:
            raise
        print(f"almostnothing: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
