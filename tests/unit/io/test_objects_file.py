"""Object tables that another program, or nobody, wrote: what is wrong is said in words, with the field."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from segstudio.core.errors import BadInput
from segstudio.io.objects_file import parse_json, read_limited, read_objects, write_objects
from segstudio.labels.objects import ObjectInfo, ReviewState

GOOD = {"id": 1, "class": 1, "source": "drawn", "state": "accepted"}


def _read(folder: Path, content: Any) -> dict[int, ObjectInfo]:
    path = folder / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_objects(path)[0]


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Any]:
    """Return the content of a table as this program writes it."""
    write_objects(tmp_path / "good.json", {1: ObjectInfo()}, 2)
    content: dict[str, Any] = json.loads((tmp_path / "good.json").read_bytes())
    return content


@pytest.mark.parametrize(("state", "version"), [("unreviewed", 1), ("suspicious", 2)])
def test_only_a_table_with_a_state_that_earlier_programs_do_not_know_is_refused_by_them(
    state: ReviewState, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, objects = tmp_path / "a.json", {1: ObjectInfo(), 2: ObjectInfo(state=state)}
    write_objects(path, objects, 3)
    assert json.loads(path.read_bytes())["schema_version"] == version
    assert read_objects(path) == (objects, 3)
    monkeypatch.setattr("segstudio.io.objects_file.SCHEMA_VERSION", 1)
    with nullcontext() if version == 1 else pytest.raises(BadInput, match=r"a\.json was written by a newer SegStudio"):
        read_objects(path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("objects", {}, "objects"),
        ("objects", [1], r"objects\[0\]"),
        ("next_id", "2", "next_id"),
        ("next_id", True, "next_id"),
        ("next_id", 0, "next_id"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any, said: str, table: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"a\.json.*{said}"):
        _read(tmp_path, {**table, field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("id", -1), ("id", 1.5), ("class", None), ("source", "theirs"), ("state", 3)]
)
def test_a_wrong_field_of_an_object_is_named(field: str, value: Any, table: dict[str, Any], tmp_path: Path) -> None:
    row = {**table["objects"][0], field: value}
    with pytest.raises(BadInput, match=rf"objects\[0\]\.{field}"):
        _read(tmp_path, {**table, "objects": [row]})


def test_an_id_that_is_there_twice_is_named(table: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"objects\[1\]\.id repeats the id 1"):
        _read(tmp_path, {**table, "objects": table["objects"] * 2})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": ', "ends too early"),
        ('{"a": "b', "ends too early"),
        ('{"a": 1}}', "line 1 is not as this program writes it"),
        ("[1]", "holds no JSON object"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_table_is_said_in_words(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=said):
        _read(tmp_path, text)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"a": {"b": {"c": {"d": 1}}}}', "nested too deeply"),
        (b'{"a": 1, "a": 2}', "the field a is there twice"),
        (b'{"a": 1e999}', "1e999 is larger than any number"),
        (b"\xff\xfe{}", "something else than text|not as this program"),
    ],
)
def test_a_strict_file_is_read_to_a_depth_and_without_repeats(raw: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse_json(Path("project.json"), raw, 2)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.json is missing in"):
        read_limited(tmp_path / "a.json", 9)
    with pytest.raises(BadInput, match=r"cannot be read: Is a directory|cannot be read: Permission"):
        read_limited(tmp_path, 9)
    (tmp_path / "a.json").write_bytes(bytes(3 << 20))
    with pytest.raises(BadInput, match="is larger than 2 MB"):
        read_limited(tmp_path / "a.json", 2 << 20)
