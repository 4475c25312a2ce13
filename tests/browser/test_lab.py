"""`make lab` in a real browser: a .py notebook opens as a notebook, runs top to bottom, and its pair stays in step."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import pytest

NAME = "13_root_d"
EDITED = "# typed in a browser"
PATIENCE = 120  # seconds that the server and the notebook have


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A clone of the project, and the address of the command of `make lab` in it."""
    clone = tmp_path_factory.mktemp("lab") / "clone"
    subprocess.run(["git", "clone", "-q", Path.cwd(), clone], check=True)
    command = next(line for line in (clone / "Makefile").read_text().splitlines() if line.startswith("\tjupyter lab"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    unattended = ["--no-browser", "--allow-root", "--IdentityProvider.token=", f"--port={port}", "--ip=127.0.0.1"]
    environment = os.environ | {
        "PYTHONPATH": str(clone / "src"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    environment["JUPYTER_CONFIG_DIR"] = str(clone / "config")  # no settings of whoever runs this
    log = clone.parent / "log"
    with log.open("w") as said:
        server = subprocess.Popen([*command.split(), *unattended], cwd=clone, env=environment, stdout=said, stderr=said)
    try:
        address = f"http://127.0.0.1:{port}/lab"
        for _ in range(PATIENCE):
            try:
                urllib.request.urlopen(address, timeout=5)
                break
            except OSError:
                assert server.poll() is None, log.read_text()[-2000:]
                time.sleep(1)
        yield clone, address
    finally:
        server.terminate()
        server.wait(20)


def test_a_script_opens_as_a_notebook_runs_and_stays_in_step_with_its_pair(lab: tuple[Path, str], browser: Any) -> None:
    clone, address = lab
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{address}/tree/{NAME}.py?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    assert page.locator(".jp-FileEditor").count() == 0
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # cells out of sight are not in the page: the last one's number says that all have run
    page.wait_for_function(
        """() => {
            const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
            return /^\\[\\d+\\]:$/.test(prompts.at(-1).innerText);
        }"""
    )
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(f"\n{EDITED}")
    page.keyboard.press("Control+s")
    halves = [clone / "notebooks" / f"{NAME}{suffix}" for suffix in (".py", ".ipynb")]
    for _ in range(PATIENCE):
        if all(EDITED in half.read_text() for half in halves):
            break
        time.sleep(1)
    script, notebook = (jupytext.read(half) for half in halves)
    assert [(own.cell_type, own.source) for own in script.cells] == [
        (own.cell_type, own.source) for own in notebook.cells
    ]
    assert script.cells[-1].source.endswith(EDITED)
    code = [own for own in notebook.cells if own.cell_type == "code"]
    assert all(own.execution_count for own in code)
    outputs = [output for own in code for output in own.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
