"""Setting up: without a network it ends at once, in one sentence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("index", ["https://127.0.0.1:9/simple", "https://nowhere.invalid/simple"])
def test_an_index_that_cannot_be_reached_is_one_sentence(tmp_path, index):
    for name in ("bootstrap.sh", "pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    asked = {"PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "UV_NO_CONFIG": "1"}
    words = [str(tmp_path / "bootstrap.sh")]
    done = subprocess.run(words, env=own | asked, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The package index cannot be reached: connect to the network, or name another index")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / ".venv/.installed").exists()
