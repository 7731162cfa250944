from typing import Literal

import pytest
from pydantic import ValidationError

from segstudio.config.augmentation import AugmentationConfig
from segstudio.config.base import Config, param
from segstudio.config.data import DataConfig
from segstudio.config.form_spec import form_spec, nested
from segstudio.config.training import TrainingConfig


class Inner(Config):
    """Inner things."""

    width: int = param(3, title="Width", unit="px", ge=1, le=9, advanced=True, zero="none")
    """How wide
    it is."""
    mode: Literal["a", "b"] = param("a", title="Mode")
    """Which."""
    sizes: tuple[int, ...] = ()


class Outer(Config):
    """Outer."""

    inner: Inner = Inner()
    flag: bool = param(False, title="Flag")
    rate: float = param(0.1, title="Rate", log=True)
    name: str = param("x", title="Name")


def test_fields_come_in_declared_order_with_section_paths_and_groups() -> None:
    fields = form_spec(Outer.model_json_schema())
    assert [field.path for field in fields] == ["inner.width", "inner.mode", "flag", "rate", "name"]
    assert [field.group for field in fields] == ["Inner things", "Inner things", "", "", ""]
    assert [field.kind for field in fields] == ["int", "choice", "bool", "float", "text"]


def test_a_field_carries_everything_that_a_form_shows() -> None:
    width = form_spec(Outer.model_json_schema())[0]
    assert (width.title, width.unit, width.help, width.default) == ("Width", "px", "How wide it is.", 3)
    assert (width.minimum, width.maximum, width.advanced, width.log, width.zero) == (1, 9, True, False, "none")


def test_choices_are_the_literal_values() -> None:
    assert form_spec(Outer.model_json_schema())[1].choices == ("a", "b")


@pytest.mark.parametrize("section", [DataConfig, AugmentationConfig, TrainingConfig])
def test_every_setting_has_a_title_help_and_a_known_kind(section: type[Config]) -> None:
    fields = form_spec(section.model_json_schema())
    assert len(fields) == len(section.model_fields)
    assert all(field.title and field.help and field.default is not None for field in fields)


def test_nested_turns_dotted_paths_into_sections() -> None:
    assert nested({"a.b": 1, "a.c": 2, "d": 3}) == {"a": {"b": 1, "c": 2}, "d": 3}


def test_unknown_and_impossible_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="epoch_count"):
        TrainingConfig.model_validate({"epoch_count": 3})
    with pytest.raises(ValidationError, match="epochs"):
        TrainingConfig.model_validate({"epochs": -1})
