"""The device that trainings and predictions run on: one choice for both, kept with the user's preferences."""

from collections.abc import Callable

from segstudio.config.preferences import Preferences
from segstudio.jobs.catalogue import DeviceOffer
from segstudio.jobs.spec import Device
from segstudio.session.job_queue import JobQueue


class Devices:
    """What there is, what is chosen, and what to call it.

    Parameters
    ----------
    jobs
        Its catalogue knows the devices of this computer; its jobs know what they run on.
    preferences, change
        Return and replace the user's preferences.
    """

    def __init__(
        self, jobs: JobQueue, preferences: Callable[[], Preferences], change: Callable[[Preferences], None]
    ) -> None:
        self._jobs = jobs
        self._preferences = preferences
        self._change = change

    @property
    def offers(self) -> tuple[DeviceOffer, ...]:
        """The devices of this computer, the one that ``"auto"`` takes first; none while the engine was not asked."""
        catalogue = self._jobs.catalogue
        return catalogue.devices if catalogue is not None else ()

    @property
    def chosen(self) -> Device:
        """What the next job gets; ``"auto"`` when the one that was chosen is not in this computer any more."""
        wanted = self._preferences().device
        return wanted if not self.offers or any(_kind(offer) == wanted for offer in self.offers) else "auto"

    def choose(self, device: Device) -> None:
        """Let all jobs from now on run on `device`."""
        preferences = self._preferences()
        if device != preferences.device:
            self._change(preferences.model_copy(update={"device": device}))

    @property
    def name(self) -> str:
        """Name of the device that works now, else of the one the next job gets; empty while nobody knows."""
        at_work = next((job.device_name for job in self._jobs.active if job.device_name), "")
        fitting = (offer.name for offer in self.offers if self.chosen in ("auto", _kind(offer)))
        return at_work or next(fitting, self._jobs.device_name)


def _kind(offer: DeviceOffer) -> str:
    return offer.device.partition(":")[0]
