"""The contrast that each image was looked at with in this sitting."""

from segstudio.session.view_state import ViewState


class Contrasts:
    """Brings contrast and gamma of an image back when it comes to the front again.

    Parameters
    ----------
    view
        What is shown now.
    """

    def __init__(self, view: ViewState) -> None:
        self._view = view
        self._known: dict[str, tuple[tuple[float, float] | None, float]] = {}
        self._front = ""

    def turn_to(self, image_id: str) -> None:
        """Keep what the image in front has, and show another one as it was left; a new one by its percentiles."""
        view = self._view
        if self._front:
            self._known[self._front] = view.contrast, view.gamma
        self._front = image_id
        view.contrast, view.gamma = self._known.get(image_id, (None, view.gamma))

    def forget(self) -> None:
        """Start anew: another project is open."""
        self._known.clear()
        self._front = ""
