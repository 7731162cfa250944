"""Text of a CSV file that a spreadsheet shows and never runs."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

#: Cells that begin so are formulas to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a CSV file: UTF-8, comma, one header line.

    Parameters
    ----------
    header
        Column names.
    rows
        Numbers are written so that they read back the same, ``None`` and NaN as empty cells; text that a
        spreadsheet would run as a formula gets an apostrophe before it.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([cell(name) for name in header])
    for row in rows:
        writer.writerow([cell(value) for value in row])
    # The mark tells Excel that it is UTF-8.
    return text.getvalue().encode("utf-8-sig")


def cell(value: object) -> str:
    """Return one cell."""
    match value:
        case None:
            return ""
        case bool() | int():
            return str(value)
        case float():
            return "" if value != value else f"{value:.10g}"
        case _:
            text = str(value)
            return f"'{text}" if text.startswith(_FORMULA) else text
