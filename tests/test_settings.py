"""A page is the same whatever settings a user's own programs have."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from almostnothing import publishing
from almostnothing.errors import UserError
from almostnothing.freshness import Page

NOTEBOOK = """\
# %% tags=["parameters"]
file = ""

# %%
import os
import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from almostnothing import figures

print(mpl.rcParams["text.usetex"], mpl.rcParams["lines.linestyle"], mpl.matplotlib_fname().split("/")[-2])
figures.style()
print(mpl.rcParams["image.cmap"], mpl.rcParams["axes.grid"], "hostile" in globals(), mpl.get_backend())

# %%
pd.DataFrame({"a": [1.23456789] * 3})

# %%
pd.DataFrame({"a": [1.23456789] * 3}).style

# %%
figure, axes = plt.subplots()
axes.plot([0, 1], [0, 1])
plt.show()
"""


class MadeUp(Page):
    """A page whose notebook is here, and that has no parameters."""

    notebook = property(lambda _: Path("01_page.py"))
    parameters = property(lambda _: SimpleNamespace(content=dict))


def outputs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the notebook's cells show when it is executed in `folder`."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "scratch").mkdir()
    (folder / "01_page.py").write_text(NOTEBOOK)
    done = publishing.normalised(publishing.execute(MadeUp("01_page", "s"), Path("scratch")))
    return [cell.get("outputs", []) for cell in done.cells]


def test_the_user_s_settings_reach_no_page(tmp_path, monkeypatch):
    plain = outputs(tmp_path / "plain", monkeypatch)
    assert "image/png" in str(plain)
    assert "1.234568" in str(plain)
    assert "text/plain" not in str([one for one in plain if "text/html" in str(one)])  # shown once
    assert not re.search(r"at 0x|T_[0-9a-f]{5}|\n +<", str(plain))
    home = tmp_path / "home"
    hostile = {
        ".config/matplotlib/matplotlibrc": "text.usetex: True\nfigure.dpi: 31\nimage.cmap: jet\nlines.linestyle: --\n",
        ".ipython/profile_default/startup/00.py": "import pandas; pandas.set_option('display.precision', 1); hostile=1",
        ".ipython/profile_default/ipython_config.py": "c.InlineBackend.figure_formats = {'svg'}",
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(
            {"argv": ["false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
        ),
        "startup.py": "hostile = 1",
    }
    for name, content in hostile.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("MATPLOTLIBRC", str(home / ".config/matplotlib/matplotlibrc"))
    monkeypatch.setenv("IPYTHONDIR", str(home / ".ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(home / ".local/share/jupyter"))
    monkeypatch.setenv("PYTHONSTARTUP", str(home / "startup.py"))
    monkeypatch.setenv("MPLBACKEND", "svg")
    monkeypatch.delenv("JUPYTER_DATA_DIR", raising=False)
    assert outputs(tmp_path / "other", monkeypatch) == plain
    assert Path.home() == home  # the environment is as it was


def test_settings_in_the_project_s_folder_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 31\n")
    with (
        pytest.raises(UserError, match="matplotlibrc would change the figures of every page, .* move it elsewhere"),
        publishing.own_settings(),
    ):
        pass
