"""What is wrong with a setting, in words instead of pydantic's."""

from collections.abc import Mapping
from typing import Any

_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
    "literal_error": ("one of", "expected"),
    "enum": ("one of", "expected"),
}
_KINDS = {"int": "a whole number", "float": "a number", "bool": "yes or no", "string": "a word"}


def sentence(problem: Mapping[str, Any]) -> str:
    """Return what a value must be, as ``"it must be at least 0"``.

    Parameters
    ----------
    problem
        One item of ``pydantic.ValidationError.errors()``.
    """
    kind = str(problem["type"])
    if kind == "extra_forbidden":
        return "there is no such setting"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"it must be {words} {problem['ctx'][bound]}"
    if (name := kind.partition("_")[0]) in _KINDS:
        return f"it must be {_KINDS[name]}"
    return str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
