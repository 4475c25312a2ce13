#!/bin/sh
# Make .venv with the pinned packages. Does nothing when it is already up to date.
set -eu
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}

command -v "$PYTHON" >/dev/null 2>&1 || {
    echo "No $PYTHON here: install Python 3.11 or newer, or name one with PYTHON=/path/to/python make." >&2
    exit 1
}
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed, $PYTHON is $("$PYTHON" -V 2>&1): name another with PYTHON=/path/to/python make." >&2
    exit 1
}

want=$(cat pyproject.toml constraints.txt bootstrap.sh | cksum)
[ -f .venv/.installed ] && [ "$(cat .venv/.installed)" = "$want" ] && exit 0

echo "Setting up .venv with the pinned packages (once; one to three minutes)"
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv || {
    echo "Python's venv module is missing: on Debian or Ubuntu, apt-get install python3-venv." >&2
    exit 1
}
# uv takes a quarter of pip's time but ignores pip's find-links setting, which it must be told:
# without it, a CPU machine with a local CPU build of torch would fetch gigabytes of CUDA packages.
# Nor does it compile what it installs, as pip does: where PYTHONDONTWRITEBYTECODE is set, as in many containers, every
# process would then compile torch by itself, which takes longer than importing it.
UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}
export UV_FIND_LINKS
[ -n "$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
said=$(mktemp)
trap 'rm -f "$said"' EXIT
if .venv/bin/python -m pip install -q --retries 1 uv 2>"$said" &&
    .venv/bin/uv pip install -q --compile-bytecode --python .venv/bin/python -c constraints.txt -e '.[dev]' 2>"$said"; then
    cat "$said" >&2
elif grep -qE "connection broken by|error sending request" "$said"; then
    # what is at hand may do: a folder of wheels, or one index of several
    PIP_RETRIES=0 PIP_DEFAULT_TIMEOUT=5 .venv/bin/python -m pip install -q -c constraints.txt -e '.[dev]' >"$said" 2>&1 || {
        echo "The package index cannot be reached: connect to the network, or name another index with PIP_INDEX_URL, or a folder that holds all packages with PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/folder." >&2
        exit 1
    }
else
    cat "$said" >&2
    echo "uv could not install the packages; trying pip, which takes longer"
    .venv/bin/python -m pip install -q -c constraints.txt -e '.[dev]'
fi
# A .py notebook opens as a notebook in JupyterLab.
settings=.venv/share/jupyter/lab/settings
mkdir -p "$settings"
cat >"$settings/overrides.json" <<'JSON'
{"@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"python": "Jupytext Notebook"}}}
JSON
echo "$want" >.venv/.installed
