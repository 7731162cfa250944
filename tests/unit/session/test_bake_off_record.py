"""The records of bake-offs: found again, and passed over when they are damaged."""

from pathlib import Path

import pytest
from bake_off_records import record_of, scored

from segstudio.core.errors import BadInput
from segstudio.session.bake_off_record import (
    newest_record,
    read_record,
    record_path,
    write_record,
)


def test_records_are_found_again_and_damaged_ones_named(tmp_path: Path) -> None:
    assert newest_record(tmp_path) is None
    for name in ("a", "b"):
        write_record(record_path(tmp_path, name), record_of("good", "fair"))
    assert newest_record(tmp_path) == record_path(tmp_path, "b")
    for text, words in (
        ('{"schema_version": 2}', "made by another version"),
        ('{"schema_', "damaged"),
        ("", "damaged"),
    ):
        record_path(tmp_path, "a").write_text(text)
        with pytest.raises(BadInput, match=rf"a\.bake-off\.json (was|is) {words}"):
            read_record(record_path(tmp_path, "a"))
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        read_record(record_path(tmp_path, "gone"))


def test_a_record_with_a_damaged_score_is_a_sentence(tmp_path: Path) -> None:
    path, record = record_path(tmp_path, "a"), scored([9, 8], [7, 7])
    assert record.rows[0].evaluation is not None
    whole = record.rows[0].evaluation
    for changes in ({"images": ()}, {"thresholds": (0.5,)}, {"thresholds": ()}):
        write_record(path, record.changed("c0", evaluation=whole.model_copy(update=changes)))
        with pytest.raises(BadInput, match=r"is damaged: .*each image needs one number for each threshold"):
            read_record(path)
    write_record(path, record.changed("c0", evaluation=whole.model_copy(update={"images": whole.images[:1]})))
    with pytest.raises(BadInput, match="its candidates were scored on different images"):
        read_record(path)


def test_a_record_that_is_a_link_to_nothing_hides_no_other(tmp_path: Path) -> None:
    record_path(tmp_path, "z").symlink_to(tmp_path / "gone")
    write_record(record_path(tmp_path, "a"), record_of("one", "two"))
    assert newest_record(tmp_path) == record_path(tmp_path, "a")
