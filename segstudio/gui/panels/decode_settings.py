"""Settings that can be moved after the network ran: sliders in sight, the rest folded away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal

from segstudio.config.form_spec import FieldSpec, form_spec
from segstudio.gui.forms.form import Form
from segstudio.gui.forms.numbers import ValueSlider
from segstudio.gui.forms.parts import Section, caption

#: Largest value that a slider without a useful limit reaches.
_SIZE_LIMIT = 2000


class DecodeSettings(Section):
    """What a model's decoder lets one choose."""

    changed = Signal()
    """The user moved something."""

    def __init__(self) -> None:
        super().__init__("")
        self.title.setText(self.tr("How sure, how small"))
        self.title.show()
        self._says = caption()
        self.body.addWidget(self._says)
        self._key = ""
        self._sliders: dict[str, tuple[ValueSlider, FieldSpec]] = {}
        self._form = Form(())
        self.body.addWidget(self._form)

    @property
    def is_empty(self) -> bool:
        """Whether the model has nothing to choose."""
        return not self._sliders and not self._form.rows

    def clear(self) -> None:
        """Show nothing."""
        self._show("", (), {})

    def show_schema(self, key: str, schema: Mapping[str, Any], best: Mapping[str, Any]) -> None:
        """Show the settings of a model, at first those that won on its validation images.

        Parameters
        ----------
        key
            Names the model; its settings stay as the user left them while it is the same.
        """
        fields = [replace(field, default=best.get(field.path, field.default)) for field in form_spec(dict(schema))]
        if key != self._key or not (self._sliders or self._form.rows):
            self._show(key, tuple(fields), best)

    def values(self) -> dict[str, Any]:
        """Return all settings by name."""
        values = self._form.values()
        for name, (slider, field) in self._sliders.items():
            value = slider.value()
            values[name] = round(value) if field.kind == "int" else round(value, 4)
        return values

    def slider(self, name: str) -> ValueSlider:
        """Return the slider of one setting; raise ``KeyError``."""
        return self._sliders[name][0]

    def say_live(self, live: bool, other: str = "") -> None:
        """Say whether moving a slider changes the proposals in sight, or they are of an `other` model."""
        if live:
            words = self.tr("Move to change the proposals at once; the network does not run again.")
        elif other:
            words = self.tr("The proposals in sight are of {0}. Used for the next prediction.").format(other)
        else:
            words = self.tr("Used for the next prediction.")
        self._says.setText(words)

    def words(self) -> str:
        """Return what is said about the sliders."""
        return self._says.text()

    def _show(self, key: str, fields: tuple[FieldSpec, ...], best: Mapping[str, Any]) -> None:
        self._key = key
        for slider, _field in self._sliders.values():
            self.body.removeWidget(slider)
            slider.hide()
            slider.deleteLater()
        sliding = [field for field in fields if field.kind in ("int", "float") and not field.advanced]
        self._sliders = {field.path: (self._slider(field), field) for field in sliding}
        for number, (slider, _field) in enumerate(self._sliders.values()):
            self.body.insertWidget(2 + number, slider)
        rest = [field for field in fields if field.path not in self._sliders]
        old, self._form = self._form, Form(rest, shown=())
        self._form.set_values(best)
        self._form.changed.connect(lambda _path: self.changed.emit())
        self.body.replaceWidget(old, self._form)
        old.hide()
        old.deleteLater()
        self._form.setVisible(bool(rest))

    def _slider(self, field: FieldSpec) -> ValueSlider:
        low = field.minimum or 0.0
        high = min(field.maximum if field.maximum is not None else _SIZE_LIMIT, _SIZE_LIMIT)
        unit = f" {field.unit}" if field.unit else ""
        whole = field.kind == "int"

        def show(value: float) -> str:
            return f"{value:.0f}{unit}" if whole else f"{value:.2f}{unit}"

        slider = ValueSlider(field.title, low, high, round(high - low) if whole else 96, show)
        slider.setToolTip(field.help)
        slider.set_value(float(field.default or low))
        slider.moved.connect(lambda _value: self.changed.emit())
        return slider
