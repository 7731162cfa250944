"""Chooses the device of trainings and predictions; every box shows the same choice."""

from PySide6.QtCore import Qt

from segstudio.gui.forms.editors import CalmComboBox
from segstudio.session.session import Session


class DeviceBox(CalmComboBox):
    """The devices of this computer, as soon as the engine has named them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setAccessibleName(self.tr("Device"))
        self.activated.connect(self._on_activated)
        session.jobs.catalogue_changed.connect(self._fill)
        session.preferences_changed.connect(self._on_preferences)
        self._fill()

    def _fill(self) -> None:
        devices = self._session.devices
        self.clear()
        self.addItem(self.tr("automatic"), "auto")
        if devices.offers:
            best = devices.offers[0].name
            self.setItemData(0, self.tr("The fastest that is there: {0}").format(best), Qt.ItemDataRole.ToolTipRole)
        for offer in devices.offers:
            self.addItem(offer.name, offer.device.partition(":")[0])
            self.setItemData(self.count() - 1, offer.note, Qt.ItemDataRole.ToolTipRole)
        self._show_choice()

    def _show_choice(self) -> None:
        self.setCurrentIndex(max(0, self.findData(self._session.devices.chosen)))
        self.setToolTip(self.currentText())

    def _on_preferences(self, _preferences: object) -> None:
        self._show_choice()

    def _on_activated(self, row: int) -> None:
        self._session.devices.choose(self.itemData(row))
