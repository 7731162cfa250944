"""The base of all settings: frozen, nothing unknown admitted, each field with a unit and a help sentence."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Config(BaseModel):
    """A frozen group of settings. The class docstring's first line is its title in forms."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def param(  # noqa: PLR0913 - one argument for each thing that a form shows
    default: Any,  # noqa: ANN401 - any default a field can have
    *,
    title: str,
    unit: str = "",
    advanced: bool = False,
    log: bool = False,
    ge: float | None = None,
    le: float | None = None,
    zero: str = "",
) -> Any:  # noqa: ANN401 - pydantic's Field is typed so too
    """Declare one setting; the docstring below the field is its help.

    Parameters
    ----------
    default
        The value that works for most users.
    title
        What the form calls it, sentence case.
    unit
        ``"px"``, ``"epochs"``, ``"min"`` ... shown behind the value.
    advanced
        Folded away in forms.
    log
        The editor moves on a logarithmic scale.
    ge, le
        Smallest and largest value allowed.
    zero
        What the value 0 means, in a word or two: ``"automatic"``, ``"no limit"``.
    """
    extra: dict[str, Any] = {"unit": unit, "advanced": advanced, "log": log, "zero": zero}
    return Field(default, title=title, ge=ge, le=le, json_schema_extra=extra)
