"""What the properties of objects are called, and their values in words."""

from PySide6.QtCore import QCoreApplication

from segstudio.core.classes import ClassTable
from segstudio.session.object_rows import Row

_NAMES = {
    "id": "Id",
    "state": "State",
    "class": "Class",
    "source": "Source",
    "area": "Area",
    "length": "Length",
    "width": "Width",
    "diameter": "Diameter",
    "perimeter": "Perimeter",
    "circularity": "Circularity",
    "solidity": "Solidity",
    "eccentricity": "Eccentricity",
    "angle": "Angle",
    "intensity": "Mean intensity",
}
_LENGTHS = frozenset({"length", "width", "diameter", "perimeter"})


def figure_name(name: str) -> str:
    """Return what a property of objects is called."""
    return QCoreApplication.translate("figure", _NAMES[name])


def figure_unit(name: str, unit: str) -> str:
    """Return the unit of a measurement where lengths are in `unit`; empty for plain numbers."""
    return f"{unit}²" if name == "area" else unit if name in _LENGTHS else "°" if name == "angle" else ""


def figure_number(value: float) -> str:
    """Return a number with three digits, or all of a larger one; an ellipsis for one not measured yet."""
    if value != value:
        return "…"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def figure_text(row: Row, name: str, unit: str, classes: ClassTable) -> str:
    """Return what is said of an object that is sorted by a property: its value, else its id."""
    if name in ("id", "state", "source"):
        return str(row.id)
    if name == "class":
        return classes[row.class_id].name if row.class_id in classes.ids else str(row.class_id)
    text, of = figure_number(getattr(row, name)), figure_unit(name, unit)
    return f"{text}{of}" if of == "°" else f"{text} {of}".strip()
