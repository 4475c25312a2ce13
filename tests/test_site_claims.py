"""The claims pages of the site: what is written is what is published, and the browser's rule is Python's."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import record_cases

from almostnothing import claims as rule
from almostnothing import gallery
from almostnothing.errors import UserError
from almostnothing.site import cases, claims, drawings, forest, marks, records, scoreboard, verdicts
from almostnothing.stats import Interval

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "site/_static/claims"


@pytest.fixture(scope="module")
def published() -> cases.Published:
    return cases.published(ROOT)


def every(published: cases.Published) -> Iterator[tuple[cases.Page, cases.Claim, cases.Case]]:
    for pages in published.sets.values():
        yield from cases.each(pages)


def test_every_published_case_is_written_as_it_is(published: cases.Published) -> None:
    written = cases.Published.model_validate_json(published.model_dump_json())
    assert written == published
    found = {case.id: (claim, case) for _, claim, case in every(written)}
    count = 0
    for name in records.SETS:
        for record in records.published(ROOT, name):
            for claim, case in ((each, case) for each in record["claims"] for case in each["cases"]):
                count += 1
                own, known = found[f"{name}/{verdicts.case_id(record['figure'], claim['id'], case['where'])}"]
                numbers = known.model_dump(include={"estimate", "low", "high", "n", "networks", "left_out", "verdict"})
                counts = {name: numbers[name] or 0 for name in ("networks", "left_out")}
                assert {**case, **numbers, **counts} == case
                assert (known.networks is None) is not (case["networks"] or case["left_out"])
                assert (known.why is None) is (case["verdict"] != rule.UNKNOWN)
                assert (own.threshold, own.side, own.quote) == (claim["threshold"], claim["direction"], claim["quote"])
    assert len(found) == count == sum(1 for _ in every(written)) > 1000


def test_an_id_says_no_name_twice_and_the_former_one_stays_known(published: cases.Published) -> None:
    where = {"p": "p = 0.9", "dataset": "mnist", "n/d": "n = d", "place": "p = 1"}
    assert (
        verdicts.case_id("09_moon", "09_moon.round", where) == "09_moon.round/dataset=mnist/n/d=n = d/p=0.9/place=p = 1"
    )
    assert verdicts.former_id("09_moon", "round", {"p": "p = 0.9"}) == "09_moon.round/p=p = 0.9"
    every_case = [case for _, _, case in every(published)]
    former = [case.formerly for case in every_case if case.formerly]
    assert len({*former, *(case.id for case in every_case)}) == len(former) + len(every_case)
    assert "paper/00_data.exponent-small/dataset=mnist/p=p = 0.03" in former
    for name in records.SETS:
        assert not [key for key in verdicts.read(ROOT, name) if re.search(r"/([^=/]+)=\1 = ", key)]


def test_units_are_said(published: cases.Published) -> None:
    """A statistic names its unit in brackets at its end, or is a pure number."""
    for _, claim, _ in every(published):
        assert claim.unit == ("dB" if "dB" in claim.statistic else "1")
        assert claim.unit == "1" or claim.statistic.endswith(f"[{claim.unit}]")
    assert {claim.unit for _, claim, _ in every(published)} == {"1", "dB"}


def test_a_case_says_why_it_is_not_measured_and_no_other_does(published: cases.Published) -> None:
    assert all((case.why is not None) == (case.verdict == rule.UNKNOWN) for _, _, case in every(published))


def test_the_schema_is_that_of_what_is_written(published: cases.Published) -> None:
    schema = json.loads(cases.schema())
    case = json.loads(published.model_dump_json())["sets"]["paper"][1]["claims"][0]["cases"][0]
    assert set(case) == set(schema["$defs"]["Case"]["properties"]) == set(schema["$defs"]["Case"]["required"])


def test_links_and_costs_say_what_is_known(published: cases.Published) -> None:
    for name, pages in published.sets.items():
        for page in pages:
            for suffix in ("svg", "pdf", "csv", "json", "ipynb"):
                assert (ROOT / "figures" / page.links[suffix].removeprefix("files/")).is_file()
            assert (ROOT / "params" / page.links["yaml"].removeprefix("files/")).is_file()
            trained = (ROOT / f"params/{name}/{page.page}.yaml").read_text().startswith("sweep:") or "\nsweep:" in (
                ROOT / f"params/{name}/{page.page}.yaml"
            ).read_text()
            assert (page.cost.networks is not None) is trained
            assert page.cost.networks is None or (page.cost.memory or 0) > 2**28


def test_what_a_job_took_is_told_or_said_not_to_be_recorded() -> None:
    took = cases.Spent(seconds=150.0, memory=3 * 2**29)
    known = cases.Cost(**cases.UNTRAINED, measuring=took, drawing=None)
    assert marks.cost(known) == (
        "training: none before its table is measured; measuring its table: took 2.5 minutes, at most 1.5 GiB at a "
        f"time; drawing: {marks.NOT_RECORDED}"
    )
    planned = {"networks": 1200, "operations": 1e9, "memory": 2**30, "seconds": 30.0, "processor": "A"}
    told = marks.cost(cases.Cost(**planned, measuring=None, drawing=took))
    assert told.startswith("training: 1,200 networks, at most 1.0 GiB at a time, about 30 seconds of one core of A")


def test_what_a_record_says_it_took_is_the_cost_of_its_page(tmp_path: Path) -> None:
    took = {"table": {"seconds": 90.0, "memory": 2**30}, "figure": {"seconds": 9.0, "memory": 2**29}}
    both, drawn, none = (
        cases.cost_of(tmp_path, {**record_cases.RECORD, "spent": spent})
        for spent in (took, {"figure": took["figure"]}, {})
    )
    assert (both.measuring, both.drawing) == tuple(cases.Spent(**took[job]) for job in ("table", "figure"))
    assert (drawn.measuring, drawn.drawing) == (None, both.drawing)
    assert marks.cost(both) == (
        "training: none before its table is measured; measuring its table: took 1.5 minutes, at most 1.0 GiB at a "
        "time; drawing: took 9 seconds, at most 0.5 GiB at a time"
    )
    assert marks.cost(none).count(marks.NOT_RECORDED) == 2


def test_no_cost_in_time_without_a_published_speed(tmp_path: Path) -> None:
    assert cases.speed(tmp_path) is None
    folder = tmp_path / cases.BENCHMARK.parent
    folder.mkdir(parents=True)
    (tmp_path / cases.BENCHMARK).write_text("# One core of A Processor: 12.5 GFLOP/s, 3 GB/s.\n")
    assert cases.speed(tmp_path) == ("A Processor", 12.5e9)


def test_laws_are_found_at_any_depth() -> None:
    swept = {"sweep": {"corruption": {"law": "replacement"}, "variations": [{"corruption": {"law": "additive"}}]}}
    assert cases.laws(swept) == {"replacement", "additive"}
    assert cases.laws({"law": ["no name"], "p": 0.1}) == set()


def test_quotations_are_plain(published: cases.Published) -> None:
    assert drawings.plain(r"$1/\sqrt{d}$ of $|\cos(\theta_1)|$ at p^*") == "1/√d of |cos(θ₁)| at p*"
    for _, claim, _ in every(published):
        assert not re.search(r"[\\${}^]", drawings.plain(claim.quote or "")), claim.quote


# the rule in the browser


def nearby(case: cases.Case, threshold: float) -> list[float]:
    """Thresholds where a verdict may change, and beside them."""
    own = [0.0, threshold, threshold / 2, 2 * threshold, -threshold]
    own += [end for end in (case.low, case.high, case.estimate) if end is not None]
    return [*own, *(math.nextafter(value, side) for value in own for side in (-math.inf, math.inf)), -1e6, 1e6]


def interval(case: cases.Case) -> Interval:
    mean, low, high = (math.nan if each is None else each for each in (case.estimate, case.low, case.high))
    return Interval(mean, low, high, case.n)


def in_node(script: str, given: Any) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not here: the browser's rule is not compared with Python's")
    words = [node, "-e", f"const rule = require({json.dumps(str(STATIC / 'verdict.js'))});{READ}{script}"]
    return json.loads(subprocess.run(words, input=json.dumps(given), capture_output=True, text=True, check=True).stdout)


READ = "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"


def test_the_rule_in_the_browser_is_that_of_python(published: cases.Published) -> None:
    asked, wanted = [], []
    for (_, claim, case), flip in itertools.product(every(published), (False, True)):
        below = (claim.side == "below") is not flip  # also the side that the claim does not ask for
        found = case.model_dump(include={"estimate", "low", "high"})
        limits = nearby(case, claim.threshold)
        asked.append([found, limits, below])
        wanted.append([rule.decided(interval(case), limit, below) for limit in limits])
        if not flip:
            assert wanted[-1][1:4] == [case.verdict, case.at_half, case.at_twice]
    told = in_node(
        "console.log(JSON.stringify(given.map(([f, limits, b]) => limits.map((t) => rule.decided(f, t, b)))))", asked
    )
    assert told == wanted
    assert {verdict for each in wanted for verdict in each} == set(rule.VERDICTS)


def test_zones_are_where_the_verdict_changes(published: cases.Published) -> None:
    some = [(claim, case) for _, claim, case in every(published)]
    asked = [[c.model_dump(include={"estimate", "low", "high"}), claim.side == "below"] for claim, c in some]
    told = in_node("console.log(JSON.stringify(given.map(([f, b]) => rule.zones(f, b))))", asked)
    for (claim, case), zones in zip(some, told, strict=True):
        if case.low is None or case.high is None:
            assert [zone["verdict"] for zone in zones] == [rule.UNKNOWN]
            continue
        inside = (case.low - 1, (case.low + case.high) / 2, case.high + 1)
        below = claim.side == "below"
        assert [zone["verdict"] for zone in zones] == [rule.decided(interval(case), each, below) for each in inside]
        assert (zones[1]["from"], zones[1]["to"]) == (case.low, case.high)


# how verdicts have moved


def test_the_history_ends_with_what_is_published() -> None:
    for name in gallery.published_sets():
        history = verdicts.read(ROOT, name)
        for record in records.published(ROOT, name):
            before = {case: list(entries) for case, entries in history.items()}
            verdicts.note(history, record, "today")
            assert history == before, "verdicts have changed: python -m almostnothing verdicts"


def record(verdict: str, commit: str = "a" * 40, where: str = "mnist") -> dict[str, Any]:
    case = {"where": {"test": "clean", "dataset": where}, "verdict": verdict}
    return {"figure": "09_moon", "commit": {"id": commit}, "claims": [{"id": "09_moon.round", "cases": [case]}]}


def test_a_history_notes_changes_alone() -> None:
    history: verdicts.History = {"09_moon_far.round/dataset=mnist": []}
    for day, each in enumerate(
        [
            record("supported"),
            record("supported", "b" * 40),
            record("refuted", "c" * 40),
            record("refuted", where="own"),
        ]
    ):
        verdicts.note(history, each, f"day {day}")
    assert history == {
        "09_moon_far.round/dataset=mnist": [],  # another page's
        "09_moon.round/dataset=mnist/test=clean": [
            {"verdict": "supported", "date": "day 0", "commit": "a" * 12},
            {"verdict": "refuted", "date": "day 2", "commit": "c" * 12},
            {"verdict": None, "date": "day 3", "commit": "a" * 12},
        ],
        "09_moon.round/dataset=own/test=clean": [{"verdict": "refuted", "date": "day 3", "commit": "a" * 12}],
    }


def test_a_history_is_rebuilt_from_git(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *own, *words], check=True, capture_output=True)

    file = tmp_path / "figures/paper/09_moon.json"
    file.parent.mkdir(parents=True)
    git("init", "-q")
    for each in ({"figure": "09_moon", "claims": [{"id": "round"}]}, record("supported"), record("refuted")):
        file.write_text(json.dumps(each))
        git("add", ".")
        git("commit", "-qm", "published", "--date", "2026-01-02T00:00:00")
    rebuilt = verdicts.rebuilt("paper", tmp_path)
    assert [each["verdict"] for each in rebuilt["09_moon.round/dataset=mnist/test=clean"]] == ["supported", "refuted"]
    verdicts.save("paper", rebuilt, tmp_path)
    assert verdicts.read(tmp_path, "paper") == rebuilt
    assert verdicts.update("paper", [record("supported")], tmp_path) == 1
    assert verdicts.update("paper", [record("supported")], tmp_path) == 0


# pages


def test_the_plot_shows_right_what_is_as_asked(published: cases.Published) -> None:
    for _, claim, case in every(published):
        found = forest.relative(case, claim)
        if case.verdict == rule.UNKNOWN:
            assert found is None
            continue
        assert found is not None
        middle, low, high = found
        assert low <= middle <= high
        assert (low > 0) is (case.verdict == rule.SUPPORTED)
        assert (high < 0) is (case.verdict in (rule.REFUTED, rule.SMALLER))
        assert all(0 <= forest.position(each) <= 100 for each in found)
    assert forest.position(0) == 50
    assert forest.position(1) - 50 == pytest.approx(50 - forest.position(-1))


def test_the_plot_has_every_primary_case(published: cases.Published) -> None:
    pages = published.sets["paper"]
    primary = [case for _, claim, case in cases.each(pages) if claim.primary]
    text = forest.plot(pages, marks.text_names(ROOT))
    assert text.count('role="listitem"') == len(primary)
    assert f"Of {len(primary)} primary cases" in forest.summary(pages)
    assert text.count("\n## ") == len(records.TEXTS)


def test_the_scoreboard_has_a_row_for_each_prediction(published: cases.Published) -> None:
    text = scoreboard.page(published, marks.text_names(ROOT))
    primary = [claim for page in published.sets["paper"] for claim in page.claims if claim.primary]
    rows = re.findall(r"<tr role=\"row\" data-texts=.*?</tr>", text)
    assert len(rows) == len(primary)
    for row, claim in zip(rows, primary, strict=True):
        assert claim.page in row
        shown = re.findall(r'title="(\d+) ([a-z ]+)" data-verdict="([a-z ]+)".*?visually-hidden">(.*?)<', row)
        assert sum(int(count) for count, *_ in shown) == len(claim.cases)
        assert all(read == f"{count} {verdict}" and verdict == own for count, verdict, own, read in shown)


def claim(found: list[tuple[float | None, str]], published: cases.Published) -> cases.Claim:
    some = published.sets["paper"][1].claims[0]
    made = [some.cases[0].model_copy(update={"estimate": value, "verdict": verdict}) for value, verdict in found]
    return some.model_copy(update={"cases": made, "threshold": 0.5, "finding": "Not measured: so."})


def test_a_finding_is_one_sentence(published: cases.Published) -> None:
    mixed = claim([(0.9, "supported"), (0.8, "supported"), (0.5, "inconclusive"), (None, "not measured")], published)
    assert marks.sentence(mixed) == (
        "Supported in 2 of 3 cases, inconclusive in 1: estimates run from 0.5 to 0.9, where over 0.5 is asked; 1 more "
        "could not be measured."
    )
    one = claim([(0.1, "refuted")], published)
    assert marks.sentence(one) == "Refuted in its one case: the estimate is 0.1, where over 0.5 is asked."
    assert marks.sentence(claim([(None, "not measured")], published)) == "Not measured: so."


def test_the_table_loads_every_case(published: cases.Published) -> None:
    script = claims.data(published)
    content = json.loads(script.removeprefix("const CLAIMS = ").removesuffix(";\n"))
    rows = [dict(zip(content["fields"], row, strict=True)) for row in content["cases"]]
    for row, (page, own, case) in zip(rows, every(published), strict=True):
        held = content["claims"][row["claim"]]
        assert (held["id"], held["threshold"], held["side"]) == (own.id, own.threshold, own.side)
        assert (row["low"], row["high"], row["verdict"]) == (case.low, case.high, case.verdict)
        assert case.id == f"{content['pages'][held['page']]['set']}/{row['id']}"
        assert page.links["csv"] == f"{content['pages'][held['page']]['files']}.csv"


def test_datatables_is_a_plain_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = claims.datatables()
    assert "window.DataTable=" in script
    assert not re.search(r"(^|[;}])\s*(export\s*[{*]|import\s*[{*'\"])", script)
    (tmp_path / "html").mkdir()
    (tmp_path / "html/dt_bundle.js").write_text("module.exports = DataTable;")
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    with pytest.raises(UserError, match=r"constraints\.txt"):
        claims.datatables()


def test_pages_load_nothing_from_elsewhere(published: cases.Published, tmp_path: Path) -> None:
    (tmp_path / "_generated").mkdir()
    claims.write(ROOT, tmp_path)
    scoreboard.write(ROOT, tmp_path)
    for page in ("claims.md", "forest.md", "sets.md", "changes.md", scoreboard.FILE):
        assert not re.search(r"(src|href)=\"https?:", (tmp_path / page).read_text())
    assert cases.Published.model_validate_json((tmp_path / "_extra/claims.json").read_text()) == published
    moved = sum(len(case.past) > 1 for _, _, case in every(published))
    changed = (tmp_path / "changes.md").read_text()
    assert changed.count(" → ") >= moved > 0
    assert changed.count('<th scope="row"') == moved
