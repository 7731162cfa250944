"""Settings as flags of the command line."""

import argparse
from typing import Literal

import pytest

from segstudio.cli.flags import add_flags, given_settings
from segstudio.config.base import Config, param
from segstudio.config.form_spec import form_spec


class Example(Config):
    """Example."""

    rays: Literal[32, 64] = param(32, title="Rays")
    """How many."""
    mode: Literal["plain", "dense"] = param("plain", title="Mode")
    """Which."""


def _given(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_flags(parser, form_spec(Example.model_json_schema()))
    return given_settings(parser.parse_args(words))


def test_a_choice_among_numbers_is_a_number() -> None:
    assert Example.model_validate(_given("--rays", "64", "--mode", "dense")) == Example(rays=64, mode="dense")


def test_a_number_that_is_no_choice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _given("--rays", "48")
    assert "64" in capsys.readouterr().err
