import re

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from almostnothing import claims, figures, stats
from almostnothing.pages.knee.page import line_legend, size_curves
from almostnothing.stats.intervals import Interval

P = np.array([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99])


def knees() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    rows = [
        {"test": t, "width": w, "train_size": n, "seed": s, "strength": p, "accuracy": a}
        for t, middle in (("clean", 0.7), ("corrupted", 0.5))
        for w in (8, 32)
        for n in (100, 1000)
        for s in range(4)
        for p, a in zip(P, stats.sigmoid(P, 0.1, 0.95, middle, 0.08) + rng.normal(0, 0.01, 9), strict=True)
    ]
    table = pd.DataFrame(rows)
    return table, stats.fit_knees(table, ["test", "width", "train_size", "seed"], 0.1)


def draw() -> plt.Figure:
    figures.style()
    table, fits = knees()
    fig, axes = plt.subplots(1, 2)
    figures.accuracy_curves(axes[0], table[table.test == "clean"], fits[fits.test == "clean"], "width", 0.1)
    size_curves(axes[1], fits, "width", "train_size", "midpoint")
    line_legend(axes[1], [100, 1000], "$N$")
    return fig


def test_equal_figures_are_equal_files(tmp_path):
    own = claims.Declaration(statement="s", source="s", statistic="s", threshold="t", reason="r", primary=True)
    cases = claims.Cases()
    cases.add("a", {"dataset": "d"}, Interval(0.2, 0.1, 0.3, 5))
    [claim] = claims.judged("p", {"a": own}, cases, {"t": 0.0})
    for folder in ("one", "two"):
        figures.save(draw(), [claim], "f", str(tmp_path / folder))
        plt.close("all")
    for suffix in (*figures.SUFFIXES, "json"):
        one, two = ((tmp_path / folder / f"f.{suffix}").read_bytes() for folder in ("one", "two"))
        assert one == two
        assert len(one) > 100


def test_names_within_an_svg_say_nothing_of_how_places_were_rounded(tmp_path, monkeypatch):
    texts = []
    for salt in ("one", "two"):  # as another last digit of a place does, this changes all of matplotlib's names
        drawn = draw()
        monkeypatch.setitem(mpl.rcParams, "svg.hashsalt", salt)
        figures.write(drawn, tmp_path / salt)
        texts.append((tmp_path / f"{salt}.svg").read_text())
        plt.close("all")
    assert texts[0] == texts[1]
    named, used = set(re.findall(r' id="([^"]+)"', texts[0])), re.findall(r'(?:url\(|href=")#([^")]+)', texts[0])
    assert len(used) > 5
    assert set(used) <= named
    assert len(named) == texts[0].count(' id="')


def test_letters_of_an_svg_have_the_size_that_they_were_drawn_with(tmp_path):
    figures.write(draw(), tmp_path / "f")
    plt.close("all")
    text = (tmp_path / "f.svg").read_text()
    assert set(re.findall(r'transform="scale\(([^)]*)\)"', text)) == {str(1 / 64)}  # outlines of letters
    assert set(re.findall(r"scale\((\S+) -\S+\)", text)) >= {"0.07", "0.065"}  # of fonts of 7 and 6.5 points
    places = re.findall(r'\sd="M (\S+) (\S+)', text)
    assert all(len(number.partition(".")[2]) <= 2 for place in places for number in place)


def test_nothing_is_written_without_an_output_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figures.save(plt.figure(), [], "f", "")
    assert list(tmp_path.iterdir()) == []


def test_size_curves_show_the_mean_over_seeds():
    fig = draw()
    _, fits = knees()
    shown = {tuple(np.round(line.get_ydata(), 6)) for line in fig.axes[1].get_lines()}
    for (_, _), group in fits.groupby(["test", "train_size"]):
        assert tuple(np.round(group.groupby("width").midpoint.mean(), 6)) in shown


def test_a_point_needs_three_trusted_fits():
    _, fits = knees()
    fits.loc[(fits.width == 8) & (fits.seed > 1), "midpoint"] = np.nan
    _, ax = plt.subplots()
    size_curves(ax, fits, "width", "train_size", "midpoint")
    assert all(list(c.lines[0].get_xdata()) == [32] for c in ax.containers)


@pytest.mark.parametrize("p", [[0, 0.5, 0.99], [0.2, 0.9, 1.0]])
def test_strength_axis_gives_room_near_one(p):
    _, ax = plt.subplots()
    figures.strength_axis(ax, p)
    to = ax.transData.transform
    assert to((0.99, 0))[0] - to((0.9, 0))[0] == pytest.approx(to((0.9, 0))[0] - to((0.0, 0))[0], rel=1e-6) or 1.0 in p
    assert np.isfinite(to((1.0, 0))).all()
    left, right = ax.get_xlim()
    assert left < min(p)
    assert max(p) <= right


def test_every_level_has_its_own_colour():
    assert len(set(figures.colours(range(8)).values())) == 8


def test_a_mosaic_puts_images_side_by_side():
    grey = np.zeros((3, 1, 4, 5))
    grey[1] = 1.0
    made = figures.mosaic(grey, 2)
    assert made.shape == (2 * 4 + 1, 2 * 5 + 1, 3)
    assert (made[:4, :5] == 1).all()  # no ink on white
    assert (made[:4, 6:] == 0).all()
    assert (made[4] == figures.PARTING).all()
    assert (made[5:, 6:] == figures.PARTING).all()  # where there is no fourth
    colours = np.random.default_rng(0).random((2, 3, 4, 5)) * 1.2 - 0.1
    made = figures.mosaic(colours, 2)
    assert np.array_equal(made[:, :5], np.clip(colours[0], 0, 1).transpose(1, 2, 0))


@pytest.mark.parametrize("regime", ["", "a regime of which there is a great deal to say, " * 3])
def test_verdicts_fit_the_width_of_the_figure(regime):
    words = claims.Declaration(
        source="s",
        quote="q",
        statement="something grows by over {limit:g}",
        statistic="s",
        threshold="least",
        reason="r",
        primary=True,
    )
    cases = claims.Cases()
    for place in ({"dataset": "digits", "test": "clean", "regime": regime}, {"dataset": "digits", "test": "corrupted"}):
        cases.add("a", place, Interval(0.2, 0.1, 0.3, 5))
    figures.style()
    plt.rcParams["figure.dpi"] = plt.rcParams["savefig.dpi"]
    whole, _ = figures.with_verdicts(2.0, claims.judged("06_prototype", {"a": words}, cases, {"least": 0.1}), "digits")
    texts = [text for part in whole.subfigs for text in part.texts]
    assert len(texts) == 2
    assert max(text.get_window_extent().x1 for text in texts) < whole.bbox.width
    assert ({text.get_fontsize() for text in texts} == {5.5}) == (not regime)
    plt.close(whole)
