"""19_depth: its table on a small case, claims of a table made by hand, mistakes in its parameters."""

import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import page_cases
import pandas as pd
import pytest
import yaml
from test_page_claims import is_interval

from almostnothing.errors import UserError
from almostnothing.measures import deep
from almostnothing.pages import model_of
from almostnothing.pages.depth import page
from almostnothing.parameters.files import validate

NAME = "19_depth"
CONTENT = yaml.safe_load(Path(f"params/quick/{NAME}.yaml").read_text())
SMALL = {"d": 12, "n": 24, "units": 8, "training": CONTENT["training"] | {"steps": 80, "climbing": 8, "starts": 2}}
TIMES = {1: 1.0, 2: 1.1, 4: 1.3}  # constants by depth, made by hand
SEEDS = [0, 1, 2]


def asked(**changes: Any) -> Any:
    return validate(model_of(NAME, "test"), CONTENT | changes, "test")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return page_cases.measured(NAME, asked(**SMALL))


def test_rows_are_one_for_each_network_and_bounds_enclose(table):
    assert len(table) == 3 * 3 * (1 + 1 + 2)  # seeds, depths, plain, shorter and starts
    assert (table["lower"] <= table["upper"]).all()
    assert (table.loc[table["status"] == "learned", "lower"] > 0).all()
    assert (table["parameters"] <= 8 * 14).all()
    assert [deep.width_of(depth, 8 * 14, 12) for depth in (1, 2, 4)] == table["width"].unique().tolist()
    assert table.groupby("seed")["floor"].nunique().eq(1).all()
    fit = table[table["status"] == "learned"]
    assert len(fit) > 15
    assert (fit["mse"] <= 1.02 * 0.47).all()
    assert (fit["upper"] >= fit["floor"]).all()
    whole = table[(table["mode"] == "penalised") & (table["steps"] == 80)]
    starts = whole.pivot_table("lower", ["depth", "seed"], "start")
    assert (starts[0] != starts[1]).all()
    rest = table[(table["mode"] == "plain") | (table["steps"] == 20)]  # what the first start is compared with
    assert set(zip(rest["mode"], rest["steps"], rest["start"], strict=True)) == {("plain", 80, 0), ("penalised", 20, 0)}


def by_hand() -> pd.DataFrame:
    rows = []
    for depth, times in TIMES.items():
        for seed in SEEDS:
            common = {"depth": depth, "width": 10, "parameters": 100, "seed": seed, "mse": 0.47, "status": "learned"}
            common |= {"floor": 0.5, "start": 0, "mode": "penalised", "steps": 300}
            slope = times * (1 + 0.1 * seed)
            rows.append(common | {"lower": slope, "upper": slope * depth})
            rows.append(common | {"start": 1, "lower": 1.5 * slope, "upper": 1.5 * slope})
            rows.append(common | {"steps": 75, "lower": 1.2 * slope, "upper": 9.0})
            rows.append(common | {"mode": "plain", "lower": 4 * slope * depth, "upper": 99.0})
    return pd.DataFrame(rows)


def found(rows: pd.DataFrame) -> dict[tuple[str, ...], Any]:
    verdicts = page.claims(rows, asked())
    return {(claim.id.partition(".")[2], *case.where.values()): case for claim in verdicts for case in claim.cases}


def test_claims_are_those_of_the_table_made_by_hand():
    cases = found(by_hand())
    for depth in (2, 4):
        at = f"D = {depth}"
        assert is_interval(cases["depth", at], [math.log(TIMES[depth])] * 3)
        assert is_interval(cases["certified", at], [math.log(TIMES[depth] * depth)] * 3)
        assert is_interval(cases["plain", at], [math.log(TIMES[depth] * depth)] * 3)
    for depth in (1, 2, 4):
        assert is_interval(cases["gap", f"D = {depth}"], [math.log(4 * depth)] * 3)
        assert is_interval(cases["gained", f"D = {depth}"], [math.log(1.2)] * 3)
        assert (cases["gap", f"D = {depth}"].networks, cases["gap", f"D = {depth}"].left_out) == (6, 0)
    slope = math.log(1.3) / math.log(4)  # of equally spaced ln D the middle one does not matter
    assert is_interval(cases["falls", "all"], [slope + 0.5] * 3)


def test_a_depth_whose_networks_do_not_all_fit_is_left_out():
    rows = by_hand()
    rows.loc[(rows["depth"] == 4) & (rows["mode"] == "penalised") & (rows["seed"] == 1), "status"] = "unfinished"
    cases = found(rows)
    assert math.isnan(cases["depth", "D = 4"].found.mean)
    assert cases["depth", "D = 4"].left_out == 6
    assert math.isnan(cases["falls", "all"].found.mean)
    assert not math.isnan(cases["depth", "D = 2"].found.mean)
    assert cases["plain", "D = 4"].found.mean == pytest.approx(math.log(1.3 * 4))
    assert "plain ones are" in page.headline(rows, asked())
    assert "flattest" not in page.headline(rows, asked())


def test_the_figure_and_the_summary_show_them(table):
    for rows in (by_hand(), table):
        figure = page.figure(rows, page.claims(rows, asked()), asked())
        axes = [ax for ax in figure.axes if ax.get_xlabel()]
        assert [ax.get_title(loc="left") for ax in axes] == ["a", "b", "c"]
        assert all(len(ax.lines) > 1 for ax in axes)
        plt.close("all")
    told = page.summary(by_hand())
    assert told["networks"].tolist() == [6, 3, 3] * 3
    assert told["slope found"].iloc[0] == page.number(float(math.sqrt(1.5) * (1 * 1.1 * 1.2) ** (1 / 3)))
    assert "1.3 times" in page.headline(by_hand(), asked())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"depths": [2, 4, 8]}, "depths should grow from 1"),
        ({"depths": [1, 2]}, "needs at least 3"),
        ({"depths": [1, 2, 99]}, "leave no width"),
        ({"seeds": [0, 1]}, "seeds needs at least 3 seeds"),
        ({"target": 1}, "less than 1"),
    ],
)
def test_mistakes_are_told(changes, words):
    with pytest.raises(UserError, match=words):
        asked(**changes)
