"""The metrics of seed 002: the authors' own aggregates, again from the authors' own accuracies."""

import io
import lzma

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from almostnothing.cells import Law
from almostnothing.data import common, published
from almostnothing.measures import robustness
from almostnothing.parameters import published as laws
from almostnothing.parameters.published import IMPERCEPTIBLE, TESTED, named, pairs

BY = ["dataset", "network", "model"]
NORMS = ("0", "0.5", "1", "2", "50", "∞")
V1_KINDS = {"0": ("salt-and-pepper", "L0m", "L0lin"), **{norm: (f"L{norm}",) for norm in NORMS[1:]}}
V3_KINDS = {norm: (f"L{norm}",) for norm in NORMS}


def printed(version: str, quantity: str, column: str = "value") -> pd.Series:
    table = published.aggregates(version)
    return table[table["quantity"] == quantity].set_index(BY)[column]


def recomputed(version: str) -> dict[str, pd.Series]:
    """Each aggregate of the spreadsheets from the accuracies above it."""
    table = published.accuracies(version)
    if version == "v1":
        return {
            "clean error": robustness.clean_error(table, BY),
            "mean corrupted error": robustness.corrupted_error(table, common.CORRUPTIONS, BY),
            "relative iCE": robustness.relative_ice(table, pairs(IMPERCEPTIBLE["v1"]), BY),
            "mean error over Lp laws": robustness.lp_error(table, pairs(TESTED["v1"]), BY),
        }
    quiet = [name for name in common.CORRUPTIONS if name not in common.NOISES]
    tiny = table["dataset"] == "TinyImageNet"
    own = {"v3": table[~tiny], "v3 TinyImageNet": table[tiny]}
    return {
        "clean error": robustness.clean_error(table, BY),
        "mean corrupted error": robustness.corrupted_error(table, common.CORRUPTIONS, BY),
        "mean corrupted error without noise": robustness.corrupted_error(table, quiet, BY),
        "relative iCE": pd.concat(
            [robustness.relative_ice(rows, pairs(IMPERCEPTIBLE[name]), BY) for name, rows in own.items()]
        ),
        "mean error over Lp laws": pd.concat(
            [robustness.lp_error(rows, pairs(TESTED[name]), BY) for name, rows in own.items()]
        ),
    }


@pytest.mark.parametrize(("version", "networks"), [("v1", 27), ("v3", 288)])
def test_every_published_aggregate_follows_from_the_published_accuracies(version, networks):
    for quantity, found in recomputed(version).items():
        want = printed(version, quantity)
        assert len(want) == len(found) == networks
        wrong = want.index[(found.reindex(want.index) - want).abs() > 1e-12]
        known = {("TinyImageNet", network, "TA") for network in published.NETWORKS.values()}
        assert set(wrong) == (known if quantity == "mean corrupted error without noise" else set())


def test_the_brief_s_table_of_the_preprint():
    """Rows of our own reading, rounded as there: E, mCE, iCE (a ratio), mCE_Lp, and mCE without noise; in per cent."""
    table = published.accuracies("v1")
    found = recomputed("v1")
    quiet = robustness.corrupted_error(table, [n for n in common.CORRUPTIONS if n not in common.NOISES], BY)
    rows = {
        "standard": (5.27, 27.60, 0.089, 30.58, 22.68),
        "L0.5 200000": (7.15, 21.79, -0.006, 12.85, 22.81),
        "L0m 0.01": (5.19, 22.52, 0.034, 16.55, 21.69),
        "C2C1": (5.27, 18.56, 0.017, 9.18, 20.15),
        "TA + L0m 0.01": (3.91, 12.79, 0.093, 12.52, 11.10),
        "TA + C2C1": (4.34, 10.39, 0.009, 7.22, 10.52),
    }
    for model, want in rows.items():
        network = ("CIFAR-10", "WRN-28-10", model)
        values = [100 * value[network] for value in [*found.values(), quiet]]
        values[2] /= 100
        assert np.all(np.abs(np.subtract(values, want)) <= [0.00501, 0.00501, 0.000501, 0.00501, 0.00501])


def raw_v3() -> pd.DataFrame:
    """The spreadsheet's columns as they stand, in per cent."""
    folder = published.files("almostnothing.data") / "published_tables"
    content = lzma.decompress((folder / "lp_v3.csv.xz").read_bytes())
    return pd.read_csv(io.BytesIO(content), index_col=["sheet", "train"])


def test_two_cells_of_the_spreadsheets_average_the_wrong_rows():
    """TA's formulas on the TinyImageNet sheets were filled to the right of mCE: each reads a row further down.

    So mCExN is the mean of 18 corruptions, gaussian noise left out, and of mCE-19; and mCE_Lp, of 17 corruptions, of
    mCE-19 and mCE-15, no Lp law among them.
    """
    rows = raw_v3().xs("TA", level="train").loc[["TIN-WRN", "TIN-DN", "TIN-RNX"]]
    first = rows.columns.get_loc("gaussian_noise")
    assert list(rows.columns[first + 19 : first + 21]) == ["mCE-19", "mCE-15"]
    shifted = [100 - rows.iloc[:, first + by : first + by + 19].mean(axis=1) for by in (0, 1, 2)]
    assert np.allclose(shifted[0], rows["mCE"])
    assert np.allclose(shifted[1], rows["mCExN"], atol=1e-9)
    assert np.allclose(shifted[2], [77.88, 72.36, 74.95], atol=0.005)  # mCE_Lp as printed
    right = recomputed("v3")
    own = [("TinyImageNet", network, "TA") for network in published.NETWORKS.values()]
    assert np.allclose(100 * right["mean error over Lp laws"][own], [55.77, 49.26, 51.53], atol=0.005)
    difference = 100 * right["mean corrupted error without noise"][own] - rows["mCExN"].to_numpy()
    assert np.allclose(difference, [-0.566, -0.525, -0.731], atol=0.001)


def test_published_half_widths_and_ours():
    table = published.accuracies("v1")
    tests = {
        "clean error": [("clean", 0.0)],
        "relative iCE": pairs(IMPERCEPTIBLE["v1"]),
        "mean error over Lp laws": pairs(TESTED["v1"]),
    }
    kinds = {name: pd.MultiIndex.from_tuples(chosen) for name, chosen in tests.items()}
    for model, rows in table.groupby("model"):
        own = pd.MultiIndex.from_frame(rows[["test", "strength"]])
        deviations = {name: rows["sd"][own.isin(index)] for name, index in kinds.items()}
        deviations["mean corrupted error"] = rows["sd"][rows["test"].isin(common.CORRUPTIONS)]
        assert [len(found) for found in deviations.values()] == [1, 6, 33, 19]
        for quantity, found in deviations.items():
            want = printed("v1", quantity, "half_width")["CIFAR-10", "WRN-28-10", model]
            assert robustness.normal_half_width(found, 5) == pytest.approx(want, rel=1e-9)
    values = np.array([0.91, 0.93, 0.925, 0.94, 0.9])
    half = reference.t.ppf(0.975, 4) * reference.sem(values)
    assert robustness.student_half_width([values.std()], 5) == pytest.approx(half)
    assert half / robustness.normal_half_width([values.std()], 5) == pytest.approx(1.58, abs=0.005)


def test_the_published_transfer_matrix_of_the_preprint():
    """`normalized.csv` of v1: imperceptible strengths count, and salt-and-pepper is of L0; C1C1 and so on do not."""
    trained = {norm: [f"L{norm} {strength:.10g}" for strength in laws.TRAINED.get(f"L{norm}", ())] for norm in NORMS}
    trained["0"] = ["L0m 0.01", "L0m 0.02", "L0lin 0.02", "L0lin 0.03", "L0lin 0.06"]
    found = robustness.over_row_maximum(published.accuracies("v1"), trained, V1_KINDS)
    want = [
        [1, 0.841, 0.836, 0.834, 0.840, 0.804],
        [1, 0.999466, 0.989, 0.989, 0.998, 0.979],
        [0.999, 1, 0.991, 0.990, 0.999, 0.981],
        [0.985, 0.999486, 0.994, 0.993, 1, 0.992],
        [0.995, 1, 0.993, 0.991, 0.999483, 0.985],
        [0.974, 0.997, 0.996, 0.996, 1, 0.998],
    ]
    assert np.allclose(found.loc[list(NORMS), list(NORMS)], want, atol=5.01e-4)


def test_the_published_transfer_matrix_of_the_third_version():
    """`VISAPP-results/normalized.csv`: the best is that of the models shown; nine cells, six sets of strengths."""
    table = published.accuracies("v3")
    models = table["model"].unique()
    trained = {norm: [name for name in models if name.startswith(f"L{norm} ")] for norm in NORMS}
    trained = {"standard": ["standard"], **trained, "C3": ["C3"]}
    found = 100 * robustness.over_best_model(table, trained, V3_KINDS, ["dataset", "network"])
    want = [
        [54.4, 94.5, 82.6, 71.8, 65.4, 61.8, 59.0, 92.8],
        [66.6, 81.5, 91.8, 88.0, 84.2, 81.6, 79.2, 98.7],
        [68.5, 77.8, 91.8, 90.2, 87.1, 85.1, 83.2, 99.4],
        [71.5, 77.7, 91.4, 91.0, 88.5, 87.3, 86.1, 99.4],
        [66.9, 72.4, 88.5, 89.3, 86.6, 85.3, 84.4, 99.3],
        [72.3, 77.0, 90.8, 91.3, 89.2, 88.1, 87.1, 99.3],
    ]
    assert np.allclose(found.loc[list(NORMS), list(trained)], want, atol=0.0501)


def test_metrics_of_single_runs_and_their_gaps():
    """Two runs × three corruptions at unequal numbers of severities, which weigh as much as each other."""
    rows = [("clean", 0.0, 0.9), ("fog", 1.0, 0.8), ("fog", 2.0, 0.6), ("snow", 1.0, 0.5), ("L2", 1.0, 0.88)]
    table = pd.DataFrame(
        [("a", seed, test, s, value - 0.1 * seed) for seed in (0, 1) for test, s, value in rows],
        columns=["model", "seed", "test", "strength", "accuracy"],
    )
    by = ["model", "seed"]
    assert robustness.corrupted_error(table, ["fog", "snow"], by).tolist() == pytest.approx([0.4, 0.5])
    assert robustness.relative_ice(table, [("L2", 1.0)], by).tolist() == pytest.approx([0.2, 0.1])
    with pytest.raises(ValueError, match=r"not tested: frost"):
        robustness.corrupted_error(table, ["fog", "frost"], by)
    with pytest.raises(ValueError, match=r"not tested: fog at 2 of a, 1"):
        robustness.corrupted_error(table.drop(index=7), ["fog"], by)
    with pytest.raises(ValueError, match=r"not tested: L2 at 3 of a, 0"):
        robustness.lp_error(table, [("L2", 1.0), ("L2", 3.0)], by)
    with pytest.raises(ValueError, match=r"not tested: clean at 0 of a, 1"):
        robustness.clean_error(table.drop(index=5), by)
    with pytest.raises(ValueError, match=r"tested twice, so that \['model'\] do not tell networks apart"):
        robustness.clean_error(table, ["model"])


# The laws by the text's names


@pytest.mark.parametrize(
    ("name", "record", "strength"),
    [
        ("L∞ .02", {"norm": "inf", "where": "ball", "clip": True}, 0.02),
        ("Linf .03", {"norm": "inf", "where": "ball", "clip": True}, 0.03),
        ("L0.5 1e5", {"norm": 0.5, "where": "ball", "clip": True}, 100000.0),
        ("L50 .1", {"norm": 50.0, "where": "ball", "clip": True}, 0.1),
        ("L0m .01", {"values": "extremes"}, 0.01),
        ("L0lin .03", {"values": "greys"}, 0.03),
        ("L0 .1", {"values": "greys"}, 0.1),
        ("salt-and-pepper .02", {"values": "salt_pepper"}, 0.02),
        ("brightness .05", {"clip": True}, 0.05),
        ("brightness shift .2", {"clip": True}, 0.2),
        ("standard", {"norm": "inf", "where": "ball", "clip": True}, 0.0),
    ],
)
def test_names_of_single_laws(name, record, strength):
    law, found = named(name)
    kind = "lp" if "norm" in record else "l0" if "values" in record else "brightness"
    assert (law.record(), found) == (Law(kind, tuple(sorted({**record, "least": 1.0}.items()))), strength)


def test_sets_of_laws_have_the_members_of_the_brief():
    first, strength = named("C1C1")
    assert (first.law, first.applied, strength) == ("set", 1, 1.0)
    members = [(*member.corruption.record().options, member.strength) for member in first.members]
    want = [named(name) for name in ("L∞ .02", "L2 1", "L0m .01", "L0lin .03")]
    assert members == [(*law.record().options, strength) for law, strength in want]
    assert named("C1") == (first, 1.0)
    twice, _ = named("C1C2")
    assert (twice.members, twice.applied) == (first.members, 2)
    second, brighter = named("C2")[0], named("C2C1")[0]
    names = "standard,L∞ .01,L∞ .02,L0.5 5e4,L0.5 1e5,L1 25,L1 40,L2 .5,L2 1,L5 .2,L10 .06,L10 .15,L50 .05,L50 .1"
    names += ",L0m .01,L0m .02,L0lin .02,L0lin .03,L0lin .06,brightness .05"
    found = [(member.corruption, member.strength) for member in brighter.members]
    assert found == [named(name) for name in names.split(",")]
    assert second.members == brighter.members[:-1]
    assert [len(named(name)[0].members) for name in ("C2", "v3 C1", "v3 C2", "v3 C3")] == [19, 90, 30, 45]


def test_lists_of_tests_are_those_of_the_published_tables():
    imperceptible, tested = set(pairs(IMPERCEPTIBLE["v1"])), set(pairs(TESTED["v1"]))
    table = published.accuracies("v1")
    rows = set(table[["test", "strength"]].dropna().itertuples(index=False, name=None))
    assert (len(imperceptible), len(tested)) == (6, 33)
    assert rows == imperceptible | tested | {("clean", 0.0), ("brightness shift", 0.05), ("brightness shift", 0.2)}
    table = published.accuracies("v3")
    for version, dataset in (("v3", "CIFAR-100"), ("v3 TinyImageNet", "TinyImageNet")):
        own = table[table["dataset"] == dataset][["test", "strength"]].dropna()
        found = set(own.itertuples(index=False, name=None))
        assert len(pairs(TESTED[version])) == 90
        assert found == {("clean", 0.0), *pairs(TESTED[version])}
        assert set(pairs(IMPERCEPTIBLE[version])) < found


def test_models_of_the_preprint_are_laws_by_their_published_names():
    models = set(published.accuracies("v1")["model"])
    single_laws = {f"{kind} {strength:.10g}" for kind, strength in pairs(laws.TRAINED)}
    assert single_laws == {name for name in models if name[0] == "L"}
    for name in models:
        for part in name.split(" + "):
            if part not in ("TA", "RA", "AM"):
                named(part)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("C4", "could not convert"),
        ("L0x .1", "'L0x' is no kind of law"),
        ("L0m 2", "asks for more values than an image has"),
        ("L2 -1", "should be greater than or equal to 0"),
        ("L2000 1", "should be a number from 0.01 to 1000"),
        ("L2 nan", "should be a finite number"),
    ],
)
def test_names_that_are_none(name, reason):
    with pytest.raises(ValueError, match=rf"^'{name}' names no law of seed 002.*C1C2.*{reason}[^\n]*$"):
        named(name)
