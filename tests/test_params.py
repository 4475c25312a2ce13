import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from almostnothing import devices, pages, schemas
from almostnothing.errors import UserError
from almostnothing.freshness import pages_of
from almostnothing.pages.knee.parameters import Knee
from almostnothing.parameters import files
from almostnothing.parameters.files import parameter_files, read_yaml, with_changes
from almostnothing.parameters.laws import Additive, Replacement
from almostnothing.parameters.page import Parameters

ROOT = Path(__file__).resolve().parent.parent
QUICK = yaml.safe_load((ROOT / "params/quick/01_knee.yaml").read_text().replace("3e-3", "0.003"))


def load(path: Path) -> Parameters:
    return files.load(pages.model_of(path.stem, str(path)), path)


def write(folder: Path, **sweep) -> Path:
    path = folder / "01_knee.yaml"
    path.write_text(yaml.safe_dump({**QUICK, "sweep": {**QUICK["sweep"], **sweep}}))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widht": 3}, "sweep.widht is not a parameter; did you mean width?"),
        ({"zzz": 3}, "sweep.zzz is not a parameter; the known ones are dataset, image_size,"),
        ({"corruption": {"lwo": 1}}, "sweep.corruption.lwo is not a parameter; did you mean low?"),
        (
            {"strength": [0, 0.5, 0.8, 0.9, 1.2]},
            "sweep strength 1.2 is no probability: replacement takes p from 0 to 1",
        ),
        ({"strength": [-0.1, 0, 0.5, 0.8, 0.9]}, "sweep.strength.0 is -0.1, but should be greater than or equal to 0"),
        ({"strength": [0, 0.5]}, "sweep.strength needs at least 5 values to fit a knee"),
        ({"strength": [0.5] * 5}, "sweep.strength .* 0.5 is listed twice"),
        ({"width": 0}, "sweep.width.0 is 0, but should be greater than 0"),
        ({"width": "wide"}, 'sweep.width.0 is "wide", but should be a valid integer'),
        ({"width": [8.5]}, "sweep.width.0 is 8.5, but should be a valid integer"),
        ({"seeds": []}, "sweep.seeds is \\[\\], but List should have at least 1 item"),
        ({"loss": "hinge"}, "sweep.loss.0 is \"hinge\", but should be 'cross_entropy' or 'mse'"),
        ({"learning_rate": float("nan")}, "sweep.learning_rate.0 is NaN, but should be a finite number"),
        ({"corruption": {"low": 1, "high": 0}}, "sweep.corruption low must be smaller than high"),
        (
            {"corruption": {"law": "additiv"}},
            'sweep.corruption.law is "additiv", but should be replacement or additive',
        ),
        ({"corruption": {"law": "additive"}}, "sweep.corruption must be replacement or l0 here"),
        ({"corruption": {"law": "additive", "dof": 3}}, "sweep.corruption dof belongs to noise: student_t"),
        (
            {"corruption": {"law": "additive", "noise": "student_t", "dof": 2}},
            "sweep.corruption.dof is 2, but should be greater than 2",
        ),
        ({"corruption": {"values": "constant", "low": 0}}, "sweep.corruption low belongs to values: uniform"),
        ({"activation": "erf", "variations": [{"activation": "relu"}]}, "sweep.activation takes one value here"),
        ({"downsample": 0}, "sweep.downsample.0 is 0, but should be greater than 0"),
        ({"width": 0, "steps": 0}, "\\(and 1 more mistake\\)"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_file_and_key(tmp_path, change, message):
    path = write(tmp_path, **change)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "01_knee.yaml"
    path.write_text(yaml.safe_dump({"sweep": QUICK["sweep"]}))
    with pytest.raises(UserError, match="thresholds is missing: add it"):
        load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "the key 'a' stands twice in the mapping at line 1"),
        ("a: [1\n", "is not valid YAML"),
        ("- 1\n", "must hold keys and values"),
        ("", "must hold keys and values"),
    ],
)
def test_what_is_no_parameter_file_is_refused(tmp_path, text, message):
    path = tmp_path / "01_knee.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_yaml(path)


def test_a_missing_file_and_an_unknown_notebook(tmp_path):
    with pytest.raises(UserError, match="01_knee.yaml: cannot be read"):
        read_yaml(tmp_path / "01_knee.yaml")
    (tmp_path / "99_moon.yaml").write_text("sweep: {}\n")
    with pytest.raises(UserError, match="no page is called 'moon': the known ones are .*collapse, data"):
        load(tmp_path / "99_moon.yaml")


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", ".001", "+1e-3"])
def test_scientific_notation_is_a_number(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(f"a: {text}\nb: v1\nc: 12\nd: 1-2\n")
    assert read_yaml(path) == {"a": 0.001, "b": "v1", "c": 12, "d": "1-2"}


def test_a_single_value_is_an_axis_of_one(tmp_path):
    assert load(write(tmp_path, width=16)).sweep.width == [16]


DATA = yaml.safe_load((ROOT / "params/quick/00_data.yaml").read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"headline": 0.91}, "headline must be a strength of the first law, which must be replacement"),
        ({"headline": 0.01}, "headline must not be the smallest strength of the first law"),
        ({"laws": []}, "laws is \\[\\], but List should have at least 1 item"),
        ({"laws": [DATA["laws"][0] | {"pictures": [0.55]}]}, "laws.0 pictures shows 0.55, which is none of its"),
        ({"laws": [DATA["laws"][0] | {"strength": [0, 0.9]}]}, "laws.0 strength 0 is no noise"),
        ({"datasets": ["digits", "digits"]}, "digits is listed twice"),
    ],
)
def test_a_mistake_about_what_is_shown(tmp_path, change, message):
    path = tmp_path / "00_data.yaml"
    path.write_text(yaml.safe_dump(DATA | change))
    with pytest.raises(UserError, match=message):
        load(path)


def test_equal_laws_have_equal_records():
    assert Replacement().record() == Replacement(low=0, high=1, values="uniform").record()
    assert Replacement(values="constant").record() != Replacement(values="constant", value=0.4).record()
    assert Additive(law="additive").record() != Additive(law="additive", clip=True).record()


def test_where_data_are_changes_no_content(tmp_path, monkeypatch):
    monkeypatch.delenv("ALMOSTNOTHING_DATA", raising=False)
    path = tmp_path / "00_data.yaml"
    path.write_text(yaml.safe_dump(DATA | {"data_root": "elsewhere"}))
    moved = load(path)
    assert moved.folder(tmp_path) == tmp_path / "elsewhere"
    assert moved.content() == load(ROOT / "params/quick/00_data.yaml").content()


def test_notebook_changes_replace_single_keys_and_are_validated():
    knee = with_changes(Knee, ROOT / "params/quick/01_knee.yaml", sweep={"width": [16]}, thresholds={})
    assert knee.sweep.width == [16]
    assert knee.sweep.train_size == QUICK["sweep"]["train_size"]
    assert with_changes(
        Knee, ROOT / "params/quick/01_knee.yaml", sweep={"learning_rate": "1e-3"}
    ).sweep.learning_rate == [1e-3]
    with pytest.raises(UserError, match="with the notebook's changes: sweep.width.0 is 0"):
        with_changes(Knee, ROOT / "params/quick/01_knee.yaml", sweep={"width": 0})


def test_a_parameter_set_that_is_not_there_names_those_that_are(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="params/nope does not exist: the parameter sets here are .*quick"):
        pages_of("nope")


def test_an_empty_parameter_set(tmp_path):
    with pytest.raises(UserError, match="holds no parameter file"):
        parameter_files(tmp_path)


def test_the_published_schema_is_that_of_the_models():
    assert (ROOT / "params/schema.json").read_text() == schemas.schema(), "run: make schema"
    definitions = json.loads(schemas.schema())["$defs"]
    for path in ROOT.glob("params/*/*.yaml"):
        model, page = pages.model_of(path.stem, str(path)), pages.page_of(path.stem)
        assert path.read_text().startswith(f"# yaml-language-server: $schema=../schema/{page}.json\n")
        pointer = json.loads((ROOT / "params/schema" / f"{page}.json").read_text())
        assert pointer == {"$ref": f"../schema.json#/$defs/{model.__name__}"}
        assert definitions[model.__name__]["properties"].keys() == model.model_fields.keys()


@pytest.mark.parametrize("path", sorted(ROOT.glob("params/*/*.yaml")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_published_parameter_files_are_valid(path):
    assert load(path).content()


def test_portable_arithmetic_is_chosen_before_torch_is_there():
    """The command line asks for it in time; torch then has no instructions beyond AVX2."""
    job = (
        "from almostnothing import environment; environment.portable()\n"
        "import torch, os; print(torch.backends.cpu.get_cpu_capability(), os.environ['MKL_CBWR'])\n"
        "environment.portable()"
    )
    words = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", job], env={**os.environ, **words}, capture_output=True, text=True)
    assert done.stdout.split()[0] != "AVX512"
    assert done.stdout.split()[1] == "COMPATIBLE"
    assert "torch is there already" in done.stderr
    told = "import sys; from almostnothing import __main__ as m; import argparse, pathlib\n"
    told += "path = pathlib.Path('params/quick/17_size_vs_lipschitz.yaml')\n"
    told += "m._prepared(argparse.Namespace(parameters=path, into=pathlib.Path('figures')))\n"
    told += "import os; print('torch' in sys.modules, os.environ['MKL_CBWR'])"
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, env={**os.environ, **words}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "COMPATIBLE"], done.stderr


def test_portable_square_roots_are_correctly_rounded():
    """As numpy's are; MKL's hang on the processor's maker in the last place."""
    before = torch.sqrt, torch.Tensor.sqrt
    values = torch.cat([torch.logspace(-40, 38, 10**5), torch.rand(10**5), torch.tensor([0.0, 1e-45, math.inf])])
    with devices.arithmetic(portable=True):
        found = [values.sqrt(), torch.sqrt(values)]
        slope = torch.tensor(4.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(slope.sqrt(), slope)
    assert all(one.dtype == torch.float32 and np.array_equal(one, np.sqrt(values.numpy())) for one in found)
    assert gradient == 0.25
    assert (torch.sqrt, torch.Tensor.sqrt) == before


# As editors and people write them


def changed(path: Path, old: str, new: str) -> Path:
    """`01_knee` of quick with one text replaced."""
    text = (ROOT / "params/quick/01_knee.yaml").read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
    return path


SEEDS, STEPS = "seeds: [0, 1, 2, 3, 4, 5, 6, 7]", "steps: 10000"


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        (SEEDS, "seeds: [007, 008, 009, 010, 011]", "seeds", [7, 8, 9, 10, 11]),
        (STEPS, "steps: 1e3", "steps", [1000]),
        (STEPS, "steps: 10_000", "steps", [10000]),
        (STEPS, "steps: +0010", "steps", [10]),
        ("early_stopping: true", "early_stopping: yes", "early_stopping", True),
        ("early_stopping: true", "early_stopping: FALSE", "early_stopping", False),
    ],
)
def test_numbers_and_words_are_what_they_look_like(tmp_path, old, new, key, value):
    assert getattr(load(changed(tmp_path / "01_knee.yaml", old, new)).sweep, key) == value


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (STEPS, "steps: 10:00", 'sweep.steps.0 is "10:00", but should be a valid integer'),
        (STEPS, "steps: 1:30:00", 'sweep.steps.0 is "1:30:00", but should be a valid integer'),
        (STEPS, "steps: 2024-01-01", 'sweep.steps.0 is "2024-01-01", but should be a valid integer'),
        (STEPS, "steps: 0x10", 'sweep.steps.0 is "0x10", but should be a valid integer'),
        (STEPS, "steps: true", "sweep.steps is true, but should be a number or a word, not true or false"),
        (SEEDS, "seeds: [yes, no]", 'sweep.seeds.0 is "yes", but should be a valid integer'),
        (SEEDS, "seeds: [true, 2]", r"sweep.seeds is \[true, 2\], but should be a number or a word, not true or"),
        (SEEDS, "seeds: 0-7", r"sweep.seeds.0 is \"0-7\", .*; a list of numbers is written \[0, 1, 2, 3, 4, 5, 6, 7\]"),
        (SEEDS, "seeds: 0..99", r"a list of numbers is written \[0, 1, …, 99\]"),
        (SEEDS, "seeds: 0, 1, 2", r"a list of numbers is written \[0, 1, 2\]"),
        (SEEDS, "seeds: 0 1 2", r"a list of numbers is written \[0, 1, 2\]"),
        ("learning_rate: 3e-3", "learning_rate: false", "sweep.learning_rate is false, but should be a number"),
        ("shift: 0.005", "shift: true", "thresholds.shift is true, but should be a number"),
        ("- {width: 64, downsample: 2}", "- {width: true}", "variations.1: width is true, but should be a number"),
        (STEPS, f"steps: {'9' * 5000}", "is not valid YAML: Exceeds the limit"),
        (STEPS, f"steps: {'[' * 5000}", "brackets are nested too deeply"),
        ("sweep:\n", "1: 2\nsweep:\n", "the key 1 is no name"),
        ("sweep:\n", "sweep:\n  2: 2\n", "sweep.2"),
    ],
)
def test_what_looks_like_a_number_and_is_none_is_one_sentence(tmp_path, old, new, message):
    path = changed(tmp_path / "01_knee.yaml", old, new)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


def test_merge_keys_are_read(tmp_path):
    old = "- {width: 64, depth: [3, 4]}"
    path = changed(tmp_path / "01_knee.yaml", old, "- &a {width: 64, depth: [3]}\n    - {<<: *a, depth: [4]}")
    assert load(path).sweep.variations[:2] == [{"width": 64, "depth": [3]}, {"width": 64, "depth": [4]}]
    path = changed(tmp_path / "01_knee.yaml", old, "- &a {width: 64, depth: [3]}\n    - {<<: *a, depth: 4, depth: 5}")
    with pytest.raises(UserError, match="the key 'depth' stands twice"):
        load(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_encodings(tmp_path, encoding):
    text = "# café\n" + (ROOT / "params/quick/01_knee.yaml").read_text().replace("α", "")
    text = text.encode("latin-1", "ignore").decode("latin-1")
    path = tmp_path / "01_knee.yaml"
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    path.write_bytes((mark + text).encode(encoding))
    if encoding == "latin-1":
        with pytest.raises(UserError, match="line 1 holds the byte 0xe9, which is not UTF-8: save the file in the en"):
            load(path)
    else:
        assert load(path) == load(ROOT / "params/quick/01_knee.yaml")


def test_a_file_is_read_whatever_the_locale(tmp_path):
    path = changed(tmp_path / "01_knee.yaml", "sweep:\n", "# σ of noise\nsweep:\n")
    code = f"import pathlib, almostnothing.parameters.files as f; f.read_yaml(pathlib.Path({str(path)!r}))"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=ROOT)
