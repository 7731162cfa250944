"""What a new model is to find as long as the user has chosen nothing: what the project has to learn from."""

from segstudio.gui.forms.offer_box import OfferBox
from segstudio.session.offers import FIRST_FORMULATION
from segstudio.session.session import Session


class FirstChoice:
    """Chooses in place of a user who has chosen nothing.

    Parameters
    ----------
    session
        Its catalogue knows what learns target images.
    box
        Choice of formulations.

    Attributes
    ----------
    over
        Whether the user has chosen something; nothing is done then.
    """

    def __init__(self, session: Session, box: OfferBox) -> None:
        self.over = False
        self._session = session
        self._box = box
        self._only_targets = False

    @property
    def learns_targets(self) -> bool:
        """Whether target images are learned because there is nothing else to learn from, not by choice."""
        return self._only_targets and not self.over

    def suggest(self, *, only_targets: bool | None = None) -> None:
        """Choose what suits the project.

        Parameters
        ----------
        only_targets
            Whether there are target images and no labels; ``None`` when that is as it was.
        """
        if only_targets is not None:
            self._only_targets = only_targets
        catalogue = self._session.jobs.catalogue
        if self.over or catalogue is None:
            return
        makers = [offer.name for offer in catalogue.formulations if offer.result == "image"]
        index = self._box.findData(makers[0] if makers and self._only_targets else FIRST_FORMULATION)
        if index >= 0:
            self._box.setCurrentIndex(index)
            self.over = False  # whoever listens takes any change for the user's
