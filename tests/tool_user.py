"""Somebody with a mouse and a sheet to draw on: tools without a window."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from segstudio.core.tiles import Window
from segstudio.labels.edits import Edit, PasteLabels
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import History
from segstudio.session.tools import PointerEvent, Preview, ToolContext, ToolRunner
from segstudio.session.view_state import ViewState

SHAPE = (80, 100)
CIRCLE = [(50 + 15 * np.cos(t), 40 + 15 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 30)]


@dataclass
class Sheet:
    """A document without a file."""

    planes: Planes = field(default_factory=lambda: Planes.empty(SHAPE))
    history: History = field(default_factory=History)

    def begin(self, name: str) -> Transaction:
        return Transaction(self.planes, name, on_commit=self.history.push)

    def apply(self, edit: Edit) -> EditRecord | None:
        transaction = self.begin(edit.name)
        try:
            edit.apply(transaction)
        except BaseException:
            transaction.abort()
            raise
        return transaction.commit()


class User:
    """Somebody with a mouse."""

    def __init__(self, tool: str) -> None:
        self.sheet = Sheet()
        self.view = ViewState(brush_diameter=5.0)
        self.told: list[str] = []
        self.tools = ToolRunner(
            ToolContext(self.sheet, self.view, self._select, self.told.append, guide=self.told.append), tool
        )
        self.previews: tuple[Preview, ...] = ()

    def _select(self, ids: Iterable[int]) -> None:
        self.view.selected = frozenset(ids)

    def draw_squares(self, *corners: tuple[int, int]) -> None:
        """Put squares of 10 pixels at ``(x, y)``: objects 1, 2, ..."""
        array = np.zeros(SHAPE, np.int32)
        for index, (x, y) in enumerate(corners, start=1):
            array[y : y + 10, x : x + 10] = index
        infos = {index: ObjectInfo() for index in range(1, len(corners) + 1)}
        self.sheet.apply(PasteLabels(array, Window.whole(SHAPE), infos))

    def send(self, kind: str, x: float = 0, y: float = 0, button: str = "left", keys: str = "", key: str = "") -> None:
        event = PointerEvent(kind, x, y, button, frozenset(keys.split()), key, reach=3.0)  # type: ignore[arg-type]
        self.previews = self.tools.handle(event)

    def key(self, name: str, keys: str = "") -> None:
        self.send("key", key=name, button="none", keys=keys)

    def click(self, x: float, y: float, button: str = "left", keys: str = "") -> None:
        self.send("press", x, y, button, keys)
        self.send("release", x, y, button, keys)

    def drag(self, *points: tuple[float, float], button: str = "left", keys: str = "") -> None:
        self.send("press", *points[0], button, keys)
        for point in points[1:]:
            self.send("move", *point, button, keys)
        self.send("release", *points[-1], button, keys)

    def hover(self, *points: tuple[float, float]) -> None:
        for point in points:
            self.send("hover", *point, "none")

    @property
    def array(self) -> np.ndarray:
        return self.sheet.planes.labels.to_array()

    @property
    def objects(self) -> dict[int, ObjectInfo]:
        return dict(self.sheet.planes.objects)

    @property
    def actions(self) -> list[str]:
        return [record.name for record in self.sheet.history.entries()]
