"""JSON schema of a Config → the fields that forms, command-line flags and the catalogue show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

FieldKind = Literal["bool", "int", "float", "text", "choice"]

_KINDS: dict[str, FieldKind] = {"boolean": "bool", "integer": "int", "number": "float", "string": "text"}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One setting as a form or a flag shows it.

    Attributes
    ----------
    path
        Dotted name below the schema's root: ``"training.epochs"``.
    kind
        Which editor it needs.
    help
        The sentences of its docstring.
    unit
        Shown behind the value, may be empty.
    choices
        Allowed values when `kind` is ``"choice"``, of the type that the Config takes: words or whole numbers.
    advanced
        Folded away in forms.
    log
        Moves on a logarithmic scale.
    group
        Title of the section; empty at the root.
    zero
        What the value 0 means, as ``"automatic"``; empty when 0 is only a number.
    """

    path: str
    kind: FieldKind
    title: str
    help: str
    unit: str
    default: bool | int | float | str | None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int, ...] = ()
    advanced: bool = False
    log: bool = False
    group: str = ""
    zero: str = ""


def form_spec(schema: dict[str, Any]) -> tuple[FieldSpec, ...]:
    """Return the settings of `schema` in the order in which their Config declares them.

    Sections (fields that are a Config themselves) become groups; their fields' paths hold the section's name.
    A field of a type that no editor knows (a list, a mapping) is left out.

    Parameters
    ----------
    schema
        What ``Config.model_json_schema()`` returns, or the same out of the catalogue.

    Examples
    --------
    >>> from segstudio.config.training import TrainingConfig
    >>> fields = form_spec(TrainingConfig.model_json_schema())
    >>> fields[0].path, fields[0].kind, fields[0].unit, fields[0].default
    ('max_minutes', 'float', 'min', 10.0)
    """
    return tuple(_fields(schema, schema.get("$defs", {}), prefix="", group=""))


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Return dotted paths as nested mappings: ``{"a.b": 1}`` becomes ``{"a": {"b": 1}}``."""
    result: dict[str, Any] = {}
    for path, value in values.items():
        *sections, name = path.split(".")
        place = result
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return result


def _fields(schema: dict[str, Any], definitions: dict[str, Any], prefix: str, group: str) -> Iterator[FieldSpec]:
    for name, entry in schema.get("properties", {}).items():
        field = _resolved(entry, definitions)
        if field.get("type") == "object" and "properties" in field:
            title = str(field.get("description", "")).splitlines()[:1] or [name.capitalize()]
            yield from _fields(field, definitions, f"{prefix}{name}.", title[0].rstrip("."))
            continue
        kind = _kind(field)
        if kind is not None:
            yield _field(prefix + name, kind, field, group)


def _resolved(entry: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; what stands beside it (a default, a title) wins."""
    reference = entry.get("$ref")
    parts = entry.get("allOf", [])
    if reference is None and len(parts) == 1:
        reference = parts[0].get("$ref")
    if reference is None:
        return entry
    beside = {key: value for key, value in entry.items() if key not in ("$ref", "allOf")}
    return {**definitions[reference.rsplit("/", 1)[-1]], **beside}


def _kind(field: dict[str, Any]) -> FieldKind | None:
    if "enum" in field or "const" in field:
        return "choice"
    return _KINDS.get(field.get("type", ""))


def _field(path: str, kind: FieldKind, field: dict[str, Any], group: str) -> FieldSpec:
    choices = field.get("enum", [field["const"]] if "const" in field else [])
    return FieldSpec(
        path=path,
        kind=kind,
        title=str(field.get("title", path)),
        help=" ".join(str(field.get("description", "")).split()),
        unit=str(field.get("unit", "")),
        default=field.get("default"),
        minimum=field.get("minimum", field.get("exclusiveMinimum")),
        maximum=field.get("maximum", field.get("exclusiveMaximum")),
        choices=tuple(choices),
        advanced=bool(field.get("advanced", False)),
        log=bool(field.get("log", False)),
        group=group,
        zero=str(field.get("zero", "")),
    )
