"""Work in the background that comes when a test says so."""

from collections.abc import Callable
from typing import Any

from segstudio.session.background import Background


class LaterBackground(Background):
    """Does one piece of the work it was given when `work` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def run(self, *args: Any, **options: Any) -> None:
        self.waiting.append(lambda: Background.run(self, *args, **options))

    def work(self) -> None:
        self.waiting.pop(0)()
