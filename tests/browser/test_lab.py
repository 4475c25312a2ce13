"""`make lab` in a real browser: a .py notebook opens as a notebook, runs top to bottom, and its pair stays in step."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupytext
import pytest

NAME = "13_root_d"
EDITED = "# typed in a browser"
PATIENCE = 120  # seconds that the server, the kernel and the notebook have, each
# all cells stay in the page, in sight or not, so that each one's prompt can be read
SETTINGS = Path("lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings")
ALL_IN_PAGE = {"windowingMode": "none"}
PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map((prompt) => prompt.textContent)"
NUMBERED = re.compile(r"\[\d+\]:$")


def soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true while patience lasts."""
    end = time.monotonic() + PATIENCE
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(1)
    return true


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A clone of the project, and the address of the server that the command of `make lab` starts in it."""
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
    configuration = clone.parent / "config"  # no settings of whoever runs this
    environment["JUPYTER_CONFIG_DIR"] = str(configuration)
    (configuration / SETTINGS).parent.mkdir(parents=True)
    (configuration / SETTINGS).write_text(json.dumps(ALL_IN_PAGE))
    log = clone.parent / "log"
    with log.open("w") as said:
        server = subprocess.Popen([*command.split(), *unattended], cwd=clone, env=environment, stdout=said, stderr=said)
    try:
        address = f"http://127.0.0.1:{port}"
        assert soon(lambda: server.poll() is not None or answers(address)), log.read_text()[-2000:]
        assert server.poll() is None, log.read_text()[-2000:]
        yield clone, address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a server that was asked to end while it started a kernel may never do so
            server.kill()
            server.wait()


def answers(address: str) -> bool:
    """Whether the server does."""
    try:
        urllib.request.urlopen(f"{address}/lab", timeout=5)
    except OSError:
        return False
    return True


def sessions(address: str) -> list[dict[str, Any]]:
    """The server's open notebooks, each with its kernel."""
    with urllib.request.urlopen(f"{address}/api/sessions", timeout=PATIENCE) as answer:
        return json.load(answer)


def has_kernel(page: Any, address: str) -> bool:
    """Whether the notebook's kernel is connected and idle, by the server, and known to the page.

    The page's own indicator says "idle" before there is a kernel; cells run then meet a dialog that asks for one.
    """
    kernels = [own["kernel"] for own in sessions(address) if own["name"] == f"{NAME}.py"]
    ready = [own for own in kernels if own["execution_state"] == "idle" and own["connections"]]
    shown = page.locator(".jp-Toolbar .jp-KernelName").all_inner_texts()
    return bool(ready) and bool(shown) and "No Kernel" not in shown


def seen(page: Any, address: str) -> str:
    """What the notebook shows and the server says, for whoever reads that this test failed."""
    dialogs = page.locator(".jp-Dialog").all_inner_texts()
    return f"prompts: {page.evaluate(PROMPTS)}, dialogs: {dialogs}, server: {sessions(address)}"


def test_a_script_opens_as_a_notebook_runs_and_stays_in_step_with_its_pair(lab: tuple[Path, str], browser: Any) -> None:
    clone, address = lab
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{address}/lab/tree/{NAME}.py?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    assert page.locator(".jp-FileEditor").count() == 0
    cells = sum(own.cell_type == "code" for own in jupytext.read(clone / "notebooks" / f"{NAME}.py").cells)
    assert soon(lambda: page.locator(".jp-CodeCell").count() == cells)
    assert soon(lambda: has_kernel(page, address)), seen(page, address)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    assert soon(lambda: all(NUMBERED.match(prompt) for prompt in page.evaluate(PROMPTS))), seen(page, address)
    assert len(page.evaluate(PROMPTS)) == cells
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(f"\n{EDITED}")
    page.keyboard.press("Control+s")
    halves = [clone / "notebooks" / f"{NAME}{suffix}" for suffix in (".py", ".ipynb")]
    assert soon(lambda: all(EDITED in half.read_text() for half in halves))
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
