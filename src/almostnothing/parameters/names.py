"""Names of parameter sets and files: they become names of folders, of jobs and of files in logs."""

from __future__ import annotations

import re
from contextlib import suppress

from almostnothing.errors import UserError

NAME = re.compile(r"\w[\w.-]*")


def set_name(asked: object) -> str:
    """The name of a parameter set, from what a command line says; Snakemake makes numbers of what looks like one.

    Raises `UserError` for a name that a file, a shell or Snakemake might read as something else.
    """
    name = check_name(str(asked), "set")
    for kind in (int, float):
        with suppress(ValueError):
            if str(kind(name)) == name:
                break
            raise UserError(
                f"the set name {name!r} is a number to Snakemake, {kind(name)}: rename its folder, for instance to "
                f"params/set-{name}"
            )
    return name


def check_name(name: str, kind: str) -> str:
    """A name of a set or of a file as it is; `kind` says which in messages.

    Raises `UserError` unless it holds letters, digits, underscores, points and hyphens only, and begins with neither
    of the last two.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"the name of a {kind}, {name!r}, holds other signs than letters, digits, '_', '.' and '-', or begins with "
            "'.' or '-': rename it"
        )
    return name
