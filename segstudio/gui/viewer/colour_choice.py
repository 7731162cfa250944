"""Which colours objects have on the canvas, and what is said of them, for what they are coloured by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from segstudio.gui.figure_words import figure_name, figure_number, figure_unit
from segstudio.gui.viewer.colour_legend import Legend
from segstudio.gui.viewer.label_render import Colour
from segstudio.gui.viewer.palette import (
    figure_colours,
    label_colours,
    rgb,
    source_colours,
    state_colours,
    unknown_colour,
)
from segstudio.session.object_numbers import CLASSES, ObjectNumbers
from segstudio.session.session import Session


@dataclass(frozen=True)
class ShownColours:
    """Colours by number from 1 on, the number of each object, and the colour of those of which nothing is known.

    `numbers` is ``None`` where each object has a colour of its own.
    """

    colours: tuple[Colour, ...]
    numbers: NDArray[np.uint8] | None = None
    other: Colour = (0, 0, 0)


def colours_of(session: Session, numbers: ObjectNumbers) -> ShownColours:
    """Return the colours of the objects of the image in front."""
    by, table = numbers.by, numbers.table
    if by == "object" or table is None:
        return ShownColours(label_colours(session.preferences.palette))
    if by == "class":
        names = _classes(session)
        colours = tuple(colour for _, colour in names) or label_colours()
        # What is being drawn is in no table yet; it gets the class in hand.
        ids = [item.id for item in session.project.classes.classes] if session.project is not None else []
        place = ids.index(session.view.class_id) if session.view.class_id in ids[: len(colours)] else 0
        return ShownColours(colours, table, colours[place])
    if by in ("state", "source"):
        colours = state_colours() if by == "state" else source_colours()
        return ShownColours(colours, table, colours[0])
    return ShownColours(figure_colours(), table, unknown_colour())


def proposal_colours(session: Session) -> ShownColours:
    """Return the colours of proposals: those of their classes, or each its own."""
    if session.view.colour_by != "class" or session.project is None:
        return ShownColours(label_colours(session.preferences.palette))
    names, classes = _classes(session), session.review.classes()
    places = {item.id: place for place, item in enumerate(session.project.classes.classes[:CLASSES], start=1)}
    table = np.ones(max(classes, default=0) + 2, np.uint8)
    for proposal_id, class_id in classes.items():
        table[proposal_id] = places.get(class_id, 1)
    colours = tuple(colour for _, colour in names)
    return ShownColours(colours, table, colours[0])


def legend_of(session: Session, numbers: ObjectNumbers) -> Legend:
    """Return what is said of the colours; nothing where each object has its own, or all are of one class."""
    by, words = numbers.by, QCoreApplication.translate
    if by == "object" or numbers.table is None:
        return Legend()
    if by == "class":
        return Legend(words("legend", "Class"), tuple(_classes(session)))
    if by == "state":
        names = words("legend", "accepted"), words("legend", "unreviewed"), words("legend", "suspicious")
        return Legend(words("legend", "State"), tuple(zip(names, state_colours(), strict=True)))
    if by == "source":
        names = words("legend", "hand"), words("legend", "model"), words("legend", "imported")
        return Legend(words("legend", "Source"), tuple(zip(names, source_colours(), strict=True)))
    scale, unit = numbers.scale, figure_unit(by, session.objects.unit)
    title = figure_name(by) + (f", {unit}" if unit else "")
    ends = ("…", "…") if scale is None else (figure_number(scale.low), figure_number(scale.high))
    return Legend(title, bar=figure_colours(), ends=ends)


def _classes(session: Session) -> list[tuple[str, Colour]]:
    project = session.project
    return [(item.name, rgb(item.colour)) for item in project.classes.classes[:CLASSES]] if project is not None else []
