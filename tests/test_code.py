"""What changes a digest of code, and what must not; and what runs is what was reached."""

import ast
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from page_cases import measured, trained
from tracing import traced, unreached

from almostnothing import code, data, keys, training
from almostnothing.cells import Cell, Law
from almostnothing.code import Package
from almostnothing.freshness import Page
from almostnothing.pages import model_of, page_of
from almostnothing.parameters.files import read_yaml, validate
from almostnothing.parameters.laws import LAWS, Additive, Replacement
from almostnothing.store import Store

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "__init__.py": "",
    "entry.py": """
        from made import shapes
        from made.numbers import SCALE, double
        from made.shapes import Box

        def start(value: int) -> float:
            '''Words.'''
            # a comment
            box: Box = Box(value)
            return double(box.area()) * SCALE + shapes.TABLE[box.kind](value)
        """,
    "numbers.py": """
        FIRST, SECOND = 1, 2
        SCALE = FIRST + 3
        unused = 5

        def double(x):
            return helper(x) * 2

        def helper(x):
            return x + 0 if x else double(x - 1)
        """,
    "shapes.py": """
        from dataclasses import dataclass
        from made.code import Choices

        @dataclass
        class Box:
            side: int
            kind: str = "round"

            def area(self):
                double = self.side
                return double ** 2

        def _round(value):
            return value

        def _square(value):
            return value * value

        TABLE: Choices = {"round": _round, "square": _square}
        """,
    "code.py": "Choices = dict\n",
}


def package(folder: Path, **changed: str) -> Package:
    """The made-up package, with some of its files replaced."""
    root = folder / "made"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name, text in (FILES | {f"{name}.py": text for name, text in changed.items()}).items():
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
        (root / name).write_text("\n".join(line[indent:] for line in lines) + "\n")
    return Package(root, "made")


def digest(folder: Path, chosen=("round",), **changed: str) -> str:
    return package(folder, **changed).closure("made.entry.start", chosen=chosen).digest


def edited(file: str, old: str, new: str) -> dict[str, str]:
    text = FILES[f"{file}.py"]
    assert text.count(old) == 1, (file, old)
    return {file: text.replace(old, new)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("entry", "'''Words.'''", "'''Other words.'''"),
        ("entry", "# a comment", "# another"),
        ("entry", "value: int) -> float", "value: float)"),
        ("entry", "box: Box = Box", "box = Box"),
        ("numbers", "unused = 5", "unused = 6"),
        ("numbers", "SECOND = 1, 2", "SECOND = (1, 2)"),
        ("shapes", "return value * value", "return value ** 2"),  # of a choice that is not chosen
    ],
)
def test_wording_and_what_is_not_reached_change_nothing(tmp_path, file, old, new):
    assert digest(tmp_path, **edited(file, old, new)) == digest(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("entry", "* SCALE", "+ SCALE"),
        ("numbers", "x + 0", "x + 1"),  # a helper of a helper
        ("numbers", "SECOND = 1, 2", "SECOND = 3, 2"),
        ("numbers", "SCALE = FIRST", "SCALE = SECOND"),  # another part of one assignment
        ("shapes", "side: int", "side: float"),  # a field's annotation, which dataclasses read
        ("shapes", "** 2", "** 3"),  # a method
        ("shapes", "return value\n", "return -value\n"),  # of the choice that is chosen
        ("shapes", '"round": _round', '"round": _square'),
    ],
)
def test_meaning_changes_the_digest(tmp_path, file, old, new):
    assert digest(tmp_path, **edited(file, old, new)) != digest(tmp_path)


def test_moving_and_renaming_change_nothing(tmp_path):
    before = digest(tmp_path)
    numbers = FILES["numbers.py"].replace("helper", "assistant").replace("double", "twice")
    entry = FILES["entry.py"].replace("double", "twice")
    assert digest(tmp_path, numbers=numbers, entry=entry) == before
    moved = "from made.elsewhere import SCALE, double\n"  # a re-export
    assert digest(tmp_path, numbers=moved, elsewhere=FILES["numbers.py"]) == before
    inside = FILES["entry.py"].replace("        from made.numbers import SCALE, double\n", "")
    inside = inside.replace(
        "            # a comment\n", "            from made.numbers import SCALE, double as double\n"
    )
    again = package(tmp_path, entry=inside).closure("made.entry.start")
    assert {"made.numbers.double", "made.numbers.SCALE"} < set(again.definitions)


def test_a_name_that_code_looks_at_counts(tmp_path):
    entry = FILES["entry.py"].replace("* SCALE", "* len(Box.__name__)")
    before = digest(tmp_path, entry=entry)
    renamed = {"entry": entry.replace("Box", "Crate"), "shapes": FILES["shapes.py"].replace("Box", "Crate")}
    assert digest(tmp_path, **renamed) != before


def test_a_local_name_is_no_mention(tmp_path):
    found = package(tmp_path).closure("made.shapes.Box")
    assert set(found.definitions) == {"made.shapes.Box"}  # its local `double` is not that of numbers


@pytest.mark.parametrize("use", ["list(shapes.TABLE)", "shapes.TABLE", "shapes.TABLE.get(value)"])
def test_a_table_that_is_used_otherwise_counts_whole(tmp_path, use):
    entry = FILES["entry.py"].replace("shapes.TABLE[box.kind](value)", use)
    found = [
        digest(tmp_path, entry=entry, **edited("shapes", "value * value", each)) for each in ("value", "value + 1")
    ]
    assert found[0] != found[1]


def test_membership_narrows_and_no_choice_keeps_all(tmp_path):
    entry = FILES["entry.py"].replace("shapes.TABLE[box.kind](value)", "(value in shapes.TABLE)")
    other = edited("shapes", "value * value", "value + 1")
    assert digest(tmp_path, entry=entry) == digest(tmp_path, entry=entry, **other)
    assert digest(tmp_path, chosen=None) != digest(tmp_path, chosen=None, **other)
    assert digest(tmp_path, chosen=("square",)) != digest(tmp_path, chosen=("square",), **other)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("eval('1')", "eval"),
        ("exec('1')", "exec"),
        ("globals()", "globals"),
        ("vars(x)", "vars"),
        ("__import__('math')", "__import__"),
        ("print(__file__)", "__file__"),
        ("import importlib; importlib.import_module('math')", "import_module"),
        ("int.__subclasses__()", "__subclasses__"),
        ("x.__dict__", "__dict__"),
        ("setattr(numbers, 'unused', 1)", "setattr on a module"),
        ("numbers.unused = 1", "an attribute of a module is set"),
    ],
)
def test_what_cannot_be_reasoned_about_counts_whole_and_says_so(tmp_path, statement, reason):
    numbers = FILES["numbers.py"].replace("return helper", f"{statement}\n            return helper")
    numbers = "        from made import numbers\n" + numbers
    found = package(tmp_path, numbers=numbers).closure("made.entry.start")
    assert found.whole["made.numbers"] == reason
    assert "made.numbers.unused" in found.definitions


@pytest.mark.parametrize(
    "statement",
    ["global unused", "class Inner:\n                def __init_subclass__(cls): pass\n", "from made.shapes import *"],
)
def test_other_refusals(tmp_path, statement):
    if "import *" in statement:
        numbers = "        from made.shapes import *\n" + FILES["numbers.py"]
    else:
        numbers = FILES["numbers.py"].replace("return helper", f"{statement}\n            return helper")
    found = package(tmp_path, numbers=numbers).closure("made.entry.start")
    assert "made.numbers.unused" in found.definitions
    assert "made.numbers" in found.whole


@pytest.mark.parametrize("use", ["getattr(shapes, 'Box')", "print(shapes)", "[shapes]"])
def test_a_module_as_a_value_counts_whole(tmp_path, use):
    entry = FILES["entry.py"].replace("shapes.TABLE[box.kind](value)", use)
    found = package(tmp_path, entry=entry).closure("made.entry.start", chosen=("round",))
    assert found.whole == {"made.shapes": "it is used as a value"}
    assert "made.shapes._square" in found.definitions


def test_effects_count_for_the_module_and_for_those_that_import_it(tmp_path):
    before = digest(tmp_path)
    assert digest(tmp_path, numbers=FILES["numbers.py"] + "\n        print(SCALE)\n") != before
    entry = "        import made.noisy\n" + FILES["entry.py"]
    quiet, loud = (digest(tmp_path, entry=entry, noisy=text) for text in ("X = 1\n", "X = 1\nprint(X)\n"))
    assert quiet == before != loud
    registered = FILES["numbers.py"].replace("def helper", "@register\n        def helper")
    assert digest(tmp_path, numbers=registered) != before  # a decorator that may register is an effect


def test_an_entry_that_is_not_there_and_mentions_that_are_not_followed(tmp_path):
    made = package(tmp_path)
    with pytest.raises(LookupError, match="made has no made.entry.stop"):
        made.closure("made.entry.stop")
    found = made.closure("made.entry.start", opaque=("made.numbers",))
    assert not [name for name in found.definitions if name.startswith("made.numbers")]


def test_a_notebooks_source_is_its_own_entry(tmp_path):
    made = package(tmp_path)
    source = "from made import numbers\nx = numbers.double(2)\n"
    found = made.source_closure(source)
    assert set(found.definitions) == {"made.numbers.double", "made.numbers.helper"}
    assert made.source_closure(source + "# words\n").digest == found.digest
    assert made.source_closure(source.replace("2", "3")).digest != found.digest


# Edits of the library itself, and the networks whose keys they change: uniform replacement, additive, empirical.
NUMBERS = "src/almostnothing"
EDITS = [
    ("data/readers.py", "SEVERITIES = 5", "SEVERITIES = 6", ()),
    ("data/cards.py", "CHUNK = 4096", "CHUNK = 512", ()),
    ("training.py", '"""Begin the training of a team', '"""Start the training of a team', ()),
    ("training.py", "def walk(self, length: int)", "def walk(self, length: float)", ()),
    ("networks.py", "return torch.sin(x)", "return torch.cos(x)", ()),
    ("optimisers.py", "buffer.mul_(momentum).add_(gradient)", "buffer.mul_(momentum).sub_(gradient)", ()),
    ("corruptions/labels.py", '"bernoulli"' if False else "one draw an image", "shared by an image", ()),
    ("corruptions/pixels.py", "torch.bucketize(v, edges, right=True)", "torch.bucketize(v, edges)", ("empirical",)),
    ("corruptions/noises.py", "return radius * torch.cos(angle), radius", "return radius, radius", ("additive",)),
    ("corruptions/replacement.py", "torch.where(u < p,", "torch.where(u <= p,", ("uniform", "empirical")),
    (
        "data/datasets.py",
        "[:each] for label in range",
        "[1:each] for label in range",
        ("uniform", "additive", "empirical"),
    ),
    ("native/training.cpp", "// Logits of rows of pixels.", "// The logits.", ()),
    ("native/training.cpp", "BETA2 = 0.999f", "BETA2 = 0.998f", ("uniform", "additive", "empirical")),
    ("native/words.hpp", "0x1BD11BDAu", "0x1BD11BDBu", ("uniform", "additive", "empirical")),
    ("native/__init__.py", '"-O3"', '"-O1"', ("uniform", "additive", "empirical")),
    ("corruptions/noises.py", "return {radius * c.cosine,", "return {radius * c.sine,", ("additive",)),
    ("corruptions/pixels.py", "return a[0] + (a[1] - a[0]) * v;", "return a[0] + a[1] * v;", ("uniform",)),
    ("streams.py", "PARITY = 0x1BD11BDA", "PARITY = 0x1BD11BDB", ("uniform", "additive", "empirical")),
    (
        "optimisers.py",
        "first.lerp_(gradient, 1 - BETA1)",
        "first.lerp_(gradient, BETA1)",
        ("uniform", "additive", "empirical"),
    ),
]


def law(model) -> Law:
    return model.record()


NETWORKS = {
    "uniform": law(Replacement()),
    "additive": law(Additive(law="additive")),
    "empirical": law(Replacement(values="empirical")),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package") / "almostnothing"
    shutil.copytree(ROOT / NUMBERS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def network_keys(folder: Path, cell: Cell) -> dict[str, str]:
    made = Package(folder, "almostnothing")
    return {
        name: made.closure(
            keys.STACKED, keys.LOADED, chosen=replace(cell, corruption=each).choices(), opaque=keys.ASIDE
        ).digest
        for name, each in NETWORKS.items()
    }


@pytest.mark.parametrize(("file", "old", "new", "changed"), EDITS, ids=lambda value: str(value)[:24])
def test_an_edit_of_the_library_changes_the_keys_it_must_and_no_other(copied, cell, file, old, new, changed):
    path = copied / file
    text = path.read_text()
    assert old in text, f"{file} no longer holds {old!r}"
    before = network_keys(copied, cell)
    path.write_text(text.replace(old, new))
    try:
        after = network_keys(copied, cell)
    finally:
        path.write_text(text)
    assert {name for name in before if before[name] != after[name]} == set(changed)


def test_functions_moved_to_a_new_module_change_no_key(copied, cell):
    before = network_keys(copied, cell)
    path = copied / "streams.py"
    text = path.read_text()
    start, end = text.index("def uniforms("), text.index("def permutation(")
    path.write_text(text[:start] + "from almostnothing.draws import normals, uniforms\n\n\n" + text[end:])
    (copied / "draws.py").write_text(
        "import numpy as np\n\nfrom almostnothing.streams import words\n\n\n" + text[start:end]
    )
    try:
        assert network_keys(copied, cell) == before
    finally:
        path.write_text(text)
        (copied / "draws.py").unlink()


def test_a_networks_key_covers_about_a_thousand_lines_and_no_reader(cell):
    found = keys.network_closure(cell.choices())
    assert found.lines < 1800  # of Python; the engine's C++ comes to it
    assert found.whole == {}
    rooms = {name.removeprefix("almostnothing.").split(".")[0] for name in found.definitions}
    assert not rooms & {"figures", "stats", "claims", "parameters", "pages", "sweeps", "store", "keys", "code"}
    assert not [name for name in found.definitions if "readers" in name or "catalogue" in name]


def options(**given) -> dict:
    return given


VARIANTS = [
    *(
        options(corruption=law(Replacement(values=values)))
        for values in ("uniform", "constant", "bernoulli", "gaussian", "empirical")
    ),
    options(corruption=law(Replacement(per="image"))),
    *(
        options(corruption=law(Additive(law="additive", noise=noise)))
        for noise in ("gaussian", "uniform", "laplace", "student_t")
    ),
    options(corruption=law(Additive(law="additive", clip=True))),
    options(corruption=law(Additive(law="additive", per="image"))),
    *(options(activation=name) for name in ("leaky_relu", "gelu", "erf", "tanh", "sine", "identity")),
    options(family="cnn", width=4),
    options(optimiser="sgd", momentum=0.9),
    options(loss="mse"),
    options(schedule="linear"),
    options(schedule="cosine"),
    options(training_corruption="fresh"),
    options(validation=20, common_random_numbers=True, shift=0.5, parametrisation="ntk"),
    options(precision="bf16"),
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("change", VARIANTS, ids=lambda change: "-".join(map(str, change.values()))[:40])
def test_what_ran_was_reached(cell, change, compiled, digits):
    small = replace(cell, train_size=20, steps=2, test_draws=1, **{"width": 8, "depth": 2} | change)
    options = training.Options(compiled=compiled)
    _, ran = traced(lambda: list(training.train([small], digits, torch.device("cpu"), options)))
    assert len(ran) > 30
    mine = {each for each in ran if not each.startswith("compiling:")}  # where a library is made, not what is in it
    reached = keys.network_closure(small.choices()).definitions
    assert unreached(mine, set(reached)) == set()


def test_what_ran_on_resuming_was_reached(cell, digits, tmp_path):
    small = replace(cell, train_size=20, steps=600, test_draws=1, width=8, depth=2)
    path = tmp_path / "c.safetensors"

    def stop(steps: int, _cells: int) -> None:
        if steps > 300:  # in the second block: the first has been written
            raise KeyboardInterrupt

    def work() -> None:
        first = training.Options(checkpoint=path, checkpoint_seconds=0.0)
        with pytest.raises(KeyboardInterrupt):
            list(training.train([small], digits, torch.device("cpu"), replace(first, report=stop)))
        assert path.is_file()
        list(training.train([small], digits, torch.device("cpu"), first))

    _, ran = traced(work)
    reached = keys.network_closure(small.choices()).definitions
    mine = {each for each in ran if not each.startswith(("code:", "compiling:"))}
    assert unreached(mine, set(reached)) == set()


def test_what_stores_counts_as_it_was_whatever_it_says(tmp_path):
    """Each line is of a definition that is there and that keys reach; edits of them ask for nothing."""
    copied = tmp_path / "almostnothing"
    shutil.copytree(code.PACKAGE.root, copied)
    entries = (keys.STACKED, keys.ALONE, keys.COLLECTED, "almostnothing.data.loading.load")

    def closures(standing: dict) -> list[code.Closure]:
        package = Package(copied, "almostnothing", standing)
        return [package.closure(entry, chosen=(), opaque=keys.ASIDE) for entry in entries]

    before, bare = closures(code.STORING), closures({})
    assert set(code.STORING) <= set[str]().union(*(one.definitions for one in bare))
    for name in code.STORING:
        module, _, definition = name.rpartition(".")
        path = copied.joinpath(*module.split(".")[1:]).with_suffix(".py")
        [node] = [one for one in ast.parse(path.read_text()).body if getattr(one, "name", "") == definition]
        last = node.body[-1]
        first = min([last.lineno, *(decorator.lineno for decorator in getattr(last, "decorator_list", []))])
        lines = path.read_text().splitlines()
        lines.insert(first - 1, " " * last.col_offset + "edited = 1")
        path.write_text("\n".join(lines) + "\n")
    assert [one.digest for one in closures(code.STORING)] == [one.digest for one in before]
    assert all(old.digest != new.digest for old, new in zip(bare, closures({}), strict=True))


def test_every_page_s_table_is_made_under_watch():
    """By `page_cases.measured`, here or in the page's own tests: nothing runs that the table's digest does not know."""
    watched = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        text = path.read_text()
        [*named] = re.findall(r'^NAME = "(\w+)"', text, re.MULTILINE)
        watched |= {name or named[0] for name in re.findall(r'measured\((?:"(\d\w+)"|NAME)', text)}
    watched |= set(COLLECTED)
    assert {page_of(path.stem) for path in (ROOT / "notebooks").glob("*.py")} == set(map(page_of, watched))


# pages that measure nothing more than training did, and what they vary
COLLECTED: dict[str, list] = {"01_knee": [], "03_inductive_bias": [{"family": "cnn", "width": 4}]}


@pytest.mark.parametrize("name", COLLECTED)
def test_what_ran_for_a_table_that_is_collected_was_reached(name, tmp_path):
    keep = Store(tmp_path / "cells")
    few = {"train_size": [20], "steps": 3, "variations": COLLECTED[name]}
    thresholds = read_yaml(Page(name, "quick").parameter_file)["thresholds"]
    chosen, cells = trained(name, keep, sweep=few, thresholds=thresholds)
    assert len(measured(name, chosen, cells, keep)) == 3 * len(cells)


def test_what_ran_for_the_table_of_the_data_was_reached():
    content = read_yaml(Page("00_data", "quick").parameter_file) | {"images": 5, "draws": 4}
    assert len(measured("00_data", validate(model_of("00_data", "test"), content, "test"))) > 50


@pytest.fixture(scope="module")
def digits():
    return data.load(data.source("digits"))


def test_every_law_of_the_parameter_files_is_a_choice():
    assert set(LAWS) == set(code.PACKAGE.module("almostnothing.corruptions.laws").definition("LAWS").entries)
