"""Damaged published files are noticed, told in one sentence each, and never shown as a result."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from record_cases import CASE, CLAIM, RECORD, publish

from almostnothing import comparing, freshness, gallery, locks, planning, records, verifying
from almostnothing.__main__ import main
from almostnothing.errors import UserError
from almostnothing.freshness import CONTENT, Page
from almostnothing.site import records as site_records

ROOT = Path(__file__).resolve().parent.parent
PAGE = "02_margin"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with one published page and its gallery, whose plan is remembered."""
    root = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "claims.lock", ".git"):
        (root / name).symlink_to(ROOT / name)
    for folder in ("params/quick", "figures/quick"):
        (root / folder).mkdir(parents=True)
        for path in (ROOT / folder).glob(f"{PAGE}.*"):
            shutil.copy(path, root / folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        for path, text in gallery.files_of("quick").items():
            path.write_text(text)
        planning.plan("quick", Path("figures"))
    return root


@pytest.fixture
def page(project, tmp_path, monkeypatch) -> Page:
    """The page of a copy of that project."""
    shutil.copytree(project, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    return Page(PAGE, "quick")


def flipped(path: Path) -> None:
    """One bit, size and times as they were."""
    times, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def removed(path: Path) -> None:
    path.unlink()


def test_what_is_whole_is_verified_and_asks_for_nothing(page):
    assert list(verifying.verify("quick")) == []
    assert planning.plan("quick", Path("figures")).stale == {}


@pytest.mark.parametrize("suffix", CONTENT)
@pytest.mark.parametrize("damage", [flipped, truncated, emptied, removed])
def test_every_file_of_a_page_is_covered(page, suffix, damage):
    damage(page.file(suffix))
    (sentence,) = verifying.verify("quick")
    assert sentence.startswith(f"{page.file(suffix)} {'is missing' if damage is removed else 'was changed'}")
    assert any(str(page.file(suffix)) in reason or reason == "not made yet" for reason in page.reasons())
    assert page.stale("figure")
    found = planning.plan("quick", Path("figures"))
    assert "figure" in found.stale[PAGE]
    assert any(str(page.file(suffix)) in each for each in found.damaged) or (suffix, damage) == ("json", removed)
    for part, suffixes in (("table", ["csv"]), ("figure", [*CONTENT, records.SUMS])):
        if part in found.stale[PAGE]:
            there = [page.file(each).stat().st_mtime for each in suffixes if page.file(each).is_file()]
            key = planning.key_file(PAGE, "quick", Path("figures"), part)
            assert not there or key.stat().st_mtime > min(there) or damage is removed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing: nothing says whether the files beside it are as they were made"),
        ("", "was changed: its SHA-256 is not the one in"),
        ("no checksum", "holds no checksums"),
        ("0" * 64 + "  02_margin.png\n", "was changed"),
    ],
)
def test_missing_or_damaged_checksums_are_told(page, content, words):
    noted = page.file(records.SUMS)
    noted.unlink()
    if content is not None:
        noted.write_text(content)
    found = list(verifying.verify("quick"))
    assert found
    assert all(words in sentence for sentence in found)
    assert planning.plan("quick", Path("figures")).stale == {PAGE: ["figure"]}


def test_an_edited_verdict_is_printed_nowhere(page, capsys):
    text = page.file("json").read_text()
    verdict = '"verdict": "inconclusive"'
    assert verdict in text
    assert PAGE[:2] in gallery.scoreboard("quick")
    page.file("json").write_text(text.replace(verdict, '"verdict": "supported"'))
    (sentence,) = verifying.verify("quick")
    assert "02_margin.json was changed" in sentence
    assert "supported" not in gallery.gallery("quick").replace("unsupported", "")
    assert "Its record is damaged: `python -m almostnothing verify quick`" in gallery.gallery("quick")
    assert gallery.scoreboard("quick").count("\n") == 2
    assert json.loads(gallery.claim_files("quick")["claims.json"]) == []
    assert site_records.published.__wrapped__(Path(), "quick") == []
    assert "Not shown: figures/quick/02_margin.json was changed" in capsys.readouterr().err


def test_an_edited_gallery_is_told(page):
    for name in ("README.md", "claims.json", "claims.csv"):
        path = Path("figures/quick", name)
        before = path.read_text()
        path.write_text(before.replace("inconclusive", "supported"))
        assert list(verifying.verify("quick")) == [
            f"{path} is not what the records say: python -m almostnothing gallery"
        ]
        path.write_text(before)


def test_what_belongs_to_no_parameter_file_is_told(page):
    shutil.copy(page.file("json"), "figures/quick/77_old.json")
    assert "figures/quick/77_old.json belongs to no parameter file in params/quick" in list(verifying.verify("quick"))


def test_the_command_ends_with_1_and_a_sentence_a_file(page, monkeypatch, capsys):
    def verify(name: str) -> int:
        monkeypatch.setattr(sys, "argv", ["almostnothing", "verify", name])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    assert verify("quick") == 0
    assert capsys.readouterr().out == "quick: every published file is as it was made\n"
    emptied(page.file("png"))
    truncated(page.file("ipynb"))
    for name in ("quick", "all"):
        assert verify(name) == 1
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[:2]] == [str(page.file(suffix)) for suffix in ("png", "ipynb")]
        assert "snakemake --config params=SET" in lines[2]
        assert len(lines) == 3
    assert verify("../elsewhere") == 2
    assert capsys.readouterr().err.count("\n") == 1


OTHER_STRUCTURES: dict[str, str | bytes] = {
    "list": "[]",
    "string": '"words"',
    "number": "3",
    "null": "null",
    "empty": "",
    "half": '{"figure": "02_margin", "claims": [',
    "bytes": b"\xff\xfe\x00",
    "deep": "[" * 100_000,
    "nothing in it": "{}",
    "of another page": json.dumps(RECORD),
}
WRONG_PARTS: dict[str, Any] = {
    "claims": {"a": 1},
    "digest": "digest",
    "table": [],
    "parameters": None,
    "sources": [{"name": "mnist"}],
    "networks": {"choices": []},
    "definitions": {"a": 1},
    "commit": "head",
    "environment": {"python": 3},
    "title": ["a"],
}
WRONG_CLAIMS = {"cases": "none", "threshold": "big", "role": "main", "statement": None, "range": [0]}
WRONG_CASES = {"verdict": "true", "where": ["mnist"], "estimate": "0.5", "n": None}


def structures() -> dict[str, str | bytes]:
    own = {**RECORD, "figure": PAGE, "set": "quick"}
    whole = {name: json.dumps({**own, name: value}) for name, value in WRONG_PARTS.items()}
    without = {f"without {name}": json.dumps({k: v for k, v in own.items() if k != name}) for name in own}
    claims = {f"claim {k}": json.dumps({**own, "claims": [{**CLAIM, k: v}]}) for k, v in WRONG_CLAIMS.items()}
    cases = {
        f"case {k}": json.dumps({**own, "claims": [{**CLAIM, "cases": [{**CASE, k: v}]}]})
        for k, v in WRONG_CASES.items()
    }
    return {**OTHER_STRUCTURES, **whole, **without, **claims, **cases}


@pytest.mark.parametrize("name", structures())
def test_a_record_of_another_structure_is_none(tmp_path, name):
    content = structures()[name]
    path = tmp_path / "02_margin.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"02_margin\.json is (no|the) record of") as caught:
        records.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["list", "half", "of another page", "without title", "case verdict"])
def test_a_record_of_another_structure_counts_as_absent_in_one_sentence(page, name):
    content = structures()[name]
    path = page.file("json")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    records.write_sums(path.parent, PAGE, CONTENT)  # so that nothing but the structure is wrong
    with pytest.raises(UserError) as caught:
        records.read(path)
    again = Page(PAGE, "quick")
    assert again.made == {}
    assert list(again.reasons()) == list(verifying.verify("quick")) == again.told() == [str(caught.value)]
    assert locks.problems("quick") == [str(caught.value)]
    assert gallery.records("quick") == []
    assert planning.plan("quick", Path("figures")).damaged == [str(caught.value)]
    (compared,) = comparing.compare(Path("figures/quick"), Path("figures/quick"))
    assert compared.differences == [str(caught.value)]


def test_a_whole_record_is_read_as_it_is(tmp_path):
    publish(tmp_path, RECORD)
    assert records.read(tmp_path / "05_moon.json") == RECORD
    assert records.published(tmp_path) == [RECORD]
    assert freshness.CONTENT == ("svg", "pdf", "png", "csv", "json", "ipynb")
