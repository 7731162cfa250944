"""What is wrong with a value is said in plain words, whatever the kind of value: never in those of pydantic."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from segstudio.config.base import Config
from segstudio.config.problems import first_problem, sentence


class Inner(Config):
    side: int = 1


class Hue(StrEnum):
    RED = "red"
    BLUE = "blue"


class One(BaseModel):
    kind: Literal["one"]


class Two(BaseModel):
    kind: Literal["two"]


@pytest.mark.parametrize(
    ("wanted", "value", "words"),
    [
        (int, "many", "it must be a whole number"),
        (int, 1.5, "it must be a whole number"),
        (float, "much", "it must be a number"),
        (Annotated[float, Field(allow_inf_nan=False)], float("inf"), "it must be a number with an end"),
        (bool, "perhaps", "it must be yes or no"),
        (str, 3, "it must be text"),
        (Path, 3, "it must be the name of a file or folder"),
        (tuple[int, ...], 3, "it must be a list"),
        (list[int], "3", "it must be a list"),
        (dict[str, int], 3, "it must be a group of named values"),
        (Inner, 3, "it must be a group of named values"),
        (Inner, {"sides": 3}, "sides: there is no such setting"),
        (Inner, {"side": "x"}, "side: it must be a whole number"),
        (One, {}, "kind: it is missing"),
        (One, {"kind": "two"}, "kind: it must be 'one'"),
        (Literal["a", "b"], "c", "it must be one of 'a' or 'b'"),
        (Hue, "green", "it must be one of 'red' or 'blue'"),
        (Annotated[int, Field(ge=2)], 1, "it must be at least 2"),
        (Annotated[str, Field(pattern="^#[0-9a-f]{6}$")], "red", "it is not written as it has to be"),
        (Annotated[str, Field(min_length=1)], "", "it must have at least 1 character"),
        (Annotated[str, Field(max_length=2)], "abc", "it must have at most 2 characters"),
        (Annotated[list[int], Field(min_length=1)], [], "it must have at least 1 item"),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "it must have at most 2 items"),
        (
            Annotated[One | Two, Field(discriminator="kind")],
            {"kind": "0"},
            "it is of a kind that is not known here",
        ),
        (Annotated[One | Two, Field(discriminator="kind")], {}, "it does not say of what kind it is"),
        (None, 3, "it must be left empty"),
    ],
)
def test_a_value_is_refused_in_plain_words(wanted: Any, value: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(wanted).validate_python(value)
    assert first_problem(caught.value) == words


def test_a_file_that_ends_too_early_is_called_so() -> None:
    with pytest.raises(ValidationError) as caught:
        Inner.model_validate_json(b'{"side"')
    assert first_problem(caught.value) == "its text is cut off or garbled"


def test_whatever_else_pydantic_says_is_not_repeated_but_what_a_plug_in_says_is() -> None:
    assert sentence({"type": "date_past", "msg": "Date should be in the past"}) == "it is not what is expected here"
    assert sentence({"type": "value_error", "msg": "Value error, it must be odd."}) == "it must be odd"
    assert sentence({"type": "of_a_plug_in", "msg": "It must be odd."}) == "It must be odd"
