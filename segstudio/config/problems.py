"""What is wrong with a value, in words instead of pydantic's: the one place for settings, files and messages."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

_BOUNDS: Final = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
    "literal_error": ("one of", "expected"),
    "enum": ("one of", "expected"),
}
#: By the beginning of pydantic's name of the problem, as ``"int_parsing"``.
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number with an end",
    "bool": "yes or no",
    "string": "text",
    "path": "the name of a file or folder",
    **dict.fromkeys(("list", "tuple", "set", "frozen", "iterable"), "a list"),
    **dict.fromkeys(("dict", "mapping", "model", "dataclass"), "a group of named values"),
}
_PLAIN: Final = {
    "extra_forbidden": "there is no such setting",
    "missing": "it is missing",
    "none_required": "it must be left empty",
    "json_invalid": "its text is cut off or garbled",
    "int_parsing_size": "it is too large",
    "string_pattern_mismatch": "it is not written as it has to be",
    "union_tag_invalid": "it is of a kind that is not known here",
    "union_tag_not_found": "it does not say of what kind it is",
}
#: Limits of a length: words before the number, its name, and what is counted.
_LENGTHS: Final = {
    "string_too_short": ("at least", "min_length", "character"),
    "string_too_long": ("at most", "max_length", "character"),
    "too_short": ("at least", "min_length", "item"),
    "too_long": ("at most", "max_length", "item"),
}
_PYDANTICS: Final = (frozenset(get_args(ErrorType)) | {"path_type"}) - {"value_error", "assertion_error"}


def sentence(problem: Mapping[str, Any]) -> str:
    """Return what a value must be, as ``"it must be at least 0"``.

    Parameters
    ----------
    problem
        One item of ``pydantic.ValidationError.errors()``.
    """
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        # A version has one right value only.
        alone = words == "one of" and " or " not in str(context[bound])
        return f"it must be {context[bound]}" if alone else f"it must be {words} {context[bound]}"
    if kind in _LENGTHS:
        words, limit, counted = _LENGTHS[kind]
        return f"it must have {words} {context[limit]} {counted}{'' if context[limit] == 1 else 's'}"
    if kind in _PYDANTICS:
        wanted = _KINDS.get(kind.partition("_")[0])
        return "it is not what is expected here" if wanted is None else f"it must be {wanted}"
    return str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")


def first_problem(error: ValidationError) -> str:
    """Return the first thing that is wrong and where, as ``"images.3.height: it must be at least 1"``."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {sentence(first)}" if where else sentence(first)
