"""A mistake in a parameter file as one sentence."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from almostnothing.parameters.laws import LAWS

MOST_WRITTEN = 20  # numbers of a list that a sentence writes out


def sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake of a validation in words, and how many more there are."""
    details = error.errors(include_url=False)
    # a mistyped key makes two mistakes, one of them the key that is now missing: name what was typed
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    # which of several laws was meant is no key of the file
    location = [str(part) for part in first["loc"] if part not in LAWS]
    key = ".".join(location)
    if first["type"] == "union_tag_invalid":
        allowed = first["ctx"]["expected_tags"].replace("'", "").replace(", ", " or ")
        text = f"{key}.law is {json.dumps(first['ctx']['tag'])}, but should be {allowed}"
    elif first["type"] == "extra_forbidden":
        owner: Any = model
        for part in first["loc"][:-1]:
            if part in LAWS:
                owner = LAWS[part]
            else:
                owner = get_args(owner)[0] if isinstance(part, int) else owner.model_fields[part].annotation
        known = list(owner.model_fields)
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the known ones are {', '.join(known)}"
        text = f"{key} is not a parameter; {hint}"
    elif first["type"] == "missing":
        text = f"{key} is missing: add it"
    else:
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = first["input"]
        shown = "" if isinstance(value, dict) else f" is {json.dumps(value, default=str)}, but"
        text = f"{key}{shown} {message}{_as_list(value)}" if key else message
    more = len(details) - 1
    return text + (f" (and {more} more mistake{'s' * (more > 1)})" if more else "")


def _as_list(value: Any) -> str:
    """How to write as a list what seems to be meant as one: 0-7, 0..7, "0 to 7", "0, 1, 2"."""
    if not isinstance(value, str):
        return ""
    if ends := re.fullmatch(r"\s*(\d{1,9})\s*(?:-|–|\.\.+|:|to)\s*(\d{1,9})\s*", value):
        first, last = int(ends[1]), int(ends[2])
        numbers = list(range(first, last + 1)) if last - first < MOST_WRITTEN else [first, first + 1, "…", last]
        return f"; a list of numbers is written [{', '.join(map(str, numbers))}]" if last > first else ""
    several = re.split(r"\s*[,;]\s+|\s+", value.strip())
    if len(several) > 1 and all(re.fullmatch(r"[-+.\deE]+", each) for each in several):
        return f"; a list of numbers is written [{', '.join(several)}]"
    return ""
