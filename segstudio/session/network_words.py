"""What a network's report says to a person: five sentences, and its layers as a table."""

from collections.abc import Iterator
from dataclasses import dataclass

from segstudio.jobs.network_report import Layer, NetworkReport

#: What is said of networks whose tiles cannot equal the whole image.
BLENDED = (
    "Large images are predicted in overlapping tiles that are blended; the result depends slightly on the tile size."
)
#: Columns of the table of layers.
COLUMNS = ("Layer", "Kind", "Output", "Parameters", "GFLOPs per Mpx")
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True)
class Figure:
    """One thing that matters about a network."""

    title: str
    text: str
    warning: str = ""
    """What is wrong with it and what to do; mostly nothing."""


def figures(report: NetworkReport) -> tuple[Figure, ...]:
    """Return what matters about a network: size, work, memory, receptive field, tiles."""
    return (
        Figure("Size", _size(report)),
        Figure(
            "Work",
            f"{_short(report.flops_per_mpx / 1e9)} GFLOPs per megapixel "
            "(a multiplication and its addition count as two)"
            + (
                f", on an empty image of {report.measured_px} px; objects that are found cost more."
                if report.measured_px
                else "."
            ),
        ),
        Figure("Memory", _memory(report)),
        _field(report),
        Figure("Tiles", BLENDED)
        if report.reach is None
        else Figure("Tiles", "Exact: a large image gives the same in tiles as in one piece."),
    )


def table(report: NetworkReport) -> list[tuple[str, ...]]:
    """Return the table of layers as rows of `COLUMNS`."""
    return [cells(layer) for layer in report.layers]


def cells(layer: Layer) -> tuple[str, ...]:
    """Return one row of the table."""
    return (
        layer.path or "whole network",
        layer.kind + (f", used {layer.calls} times" if layer.calls > 1 else ""),
        " × ".join(map(str, layer.shape)),
        f"{layer.parameters:,}" if layer.parameters else "",
        _short(layer.flops_per_mpx / 1e9) if layer.flops_per_mpx else "",
    )


def as_text(report: NetworkReport, separator: str = "\t") -> str:
    """Return figures and table as text; cells are parted by `separator`."""
    return "\n".join(_lines(report, separator)) + "\n"


def as_csv(report: NetworkReport) -> str:
    """Return the table as CSV: plain numbers, one row a layer."""
    rows = ["layer,kind,calls,output,parameters,flops_per_megapixel,inner"]
    for layer in report.layers:
        shape = "x".join(map(str, layer.shape))
        inner = "no" if layer.leaf else "yes"
        rows.append(
            f"{layer.path},{layer.kind},{layer.calls},{shape},{layer.parameters},{layer.flops_per_mpx:.0f},{inner}"
        )
    return "\n".join(rows) + "\n"


def bytes_in_words(number: float) -> str:
    """Return a size, as ``"246 MB"``.

    Examples
    --------
    >>> bytes_in_words(246_400_000), bytes_in_words(3.21e9)
    ('246 MB', '3.2 GB')
    """
    unit, name = next(((unit, name) for unit, name in _UNITS if number >= unit), _UNITS[-1])
    return f"{_short(number / unit)} {name}"


def count_in_words(number: int) -> str:
    """Return a large number, as ``"488 thousand"``.

    Examples
    --------
    >>> count_in_words(487_781), count_in_words(45_880_411), count_in_words(999_700), count_in_words(812)
    ('488 thousand', '45.9 million', '1 million', '812')
    """
    for unit, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if round(number / unit, 3) >= 0.9995:
            return f"{_short(number / unit)} {name}"
    return str(number)


def _lines(report: NetworkReport, separator: str) -> Iterator[str]:
    for figure in figures(report):
        yield f"{figure.title}{separator}{f'{figure.text} {figure.warning}'.strip()}"
    yield ""
    yield separator.join(COLUMNS)
    for row in table(report):
        yield separator.join(row)


def _size(report: NetworkReport) -> str:
    words = f"{count_in_words(report.parameters)} parameters"
    if report.encoder_parameters:
        words += f", {100 * report.encoder_parameters / report.parameters:.0f} % of them in the encoder"
    if report.trainable < report.parameters:
        words += f"; {count_in_words(report.parameters - report.trainable)} are fixed"
    return words + "."


def _memory(report: NetworkReport) -> str:
    return (
        f"About {bytes_in_words(report.training_bytes)} to train with {report.batch} "
        f"{'patch' if report.batch == 1 else 'patches'} of {report.patch} px, "
        f"{bytes_in_words(report.prediction_bytes)} to predict a tile of {report.tile} px."
    )


def _field(report: NetworkReport) -> Figure:
    side, diameter = report.field, report.object_diameter_px
    words = (
        "Each pixel is decided from everything that the network is given"
        if side is None
        else f"Each pixel is decided from at most {side} × {side} px around it"
    )
    words += f"; the median object is {round(diameter)} px wide." if diameter is not None else "."
    warning = (
        "That is less than an object: choose a deeper network, or make the images smaller." if report.too_small else ""
    )
    return Figure("Receptive field", words, warning)


def _short(number: float) -> str:
    """Return three figures at most, one behind the point at most from 1 on."""
    if number < 1:
        return f"{number:.2g}"
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}".removesuffix(".0")
