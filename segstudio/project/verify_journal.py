"""Every record of the journal of one image: whole, in order, each fitting to the one before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.regular_file import open_regular
from segstudio.project.findings import Finding, shown
from segstudio.project.journal import SUFFIX, JournalFile, JournalPlace, expected_header, read_files
from segstudio.project.journal_records import JournalRecord, encode_record

_UNTOUCHED: Final = "The labels as they are now are not touched; what lies there can no longer be undone."
_NOTHING_TO_DO: Final = "Nothing; work on."
_GO_BACK: Final = f"{_NOTHING_TO_DO} An earlier state can be taken from the history of the image."

_END: Final = "The last action, unless the label file holds it already; all before it can be read and undone."
_ALL: Final = "The actions in it, unless the label file holds them already."
_NONE: Final = "Nothing; all actions are read."
_OPEN: Final = "Open the image: it says what is lost, and puts the damaged part aside."


@dataclass
class ReadJournal:
    """The records of an image as verifying reads them.

    Attributes
    ----------
    records
        In order.
    findings
        What is wrong with the files.
    """

    records: list[JournalRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether no record is missing."""
        return not any(item.level == "damage" for item in self.findings)

    def tell_loss(self, loss: str, do: str = _OPEN) -> None:
        """Say of the damage what opening the image would say: that actions are lost which only the journal had."""
        self.findings = [
            replace(item, lost=loss, do=do)
            if item.level == "damage" and item.lost in (_UNTOUCHED, _END, _ALL, _NONE)
            else item
            for item in self.findings
        ]


def verify_journal(
    folder: Path, place: JournalPlace, saved: int, image: str, *, has_history: bool
) -> tuple[ReadJournal, int]:
    """Read the journal of an image; return it, and how many files there are.

    Parameters
    ----------
    folder
        Of the project.
    saved
        Number of the last action that the published files hold; 0 when that is not known.
    has_history
        Whether there is an earlier state to go back to.
    """
    result = ReadJournal()
    files = _files(place.folder)
    known: dict[int, JournalRecord] = {}
    refused: dict[Path, BadInput] = {}
    for found in read_files(files, place, refused):
        _judge(found, shown(folder, found.path), expected_header(found.path, place), known, result, image)
    for path, error in refused.items():
        _unreadable(shown(folder, path), error, result, image)
    result.records = [known[seq] for seq in sorted(known)]
    damaged = not result.whole
    for lost in _gaps(result.records, saved):
        if not damaged:  # otherwise it is what lay in the damaged place
            place_name = shown(folder, _before_gap(files, lost) or place.folder)
            result.findings.append(
                Finding(
                    place_name,
                    f"Actions {lost[0]} to {lost[1]} are missing in the journal.",
                    _UNTOUCHED,
                    _NOTHING_TO_DO,
                    image=image,
                )
            )
    if result.whole:
        result.findings.extend(_misfits(shown(folder, place.folder), result.records, image))
    if has_history:
        result.findings = [
            replace(item, do=_GO_BACK) if item.do == _NOTHING_TO_DO and item.lost == _UNTOUCHED else item
            for item in result.findings
        ]
    return result, len(files)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    except OSError:
        return []


def _unreadable(name: str, error: Exception, result: ReadJournal, image: str) -> None:
    result.findings.append(Finding(name, str(error), _UNTOUCHED, "Restore it from a backup.", image=image))


def _judge(
    found: JournalFile,
    name: str,
    expected: bytes | None,
    known: dict[int, JournalRecord],
    result: ReadJournal,
    image: str,
) -> None:
    if expected is None:
        note = "This file lies in the journal and was not named by SegStudio, as copies of sync programs are not."
        result.findings.append(Finding(name, note, "Nothing.", "Move it out of the project.", "note", image))
    try:
        with open_regular(found.path) as file:
            head = file.read(len(expected or b""))
    except OSError as error:
        _unreadable(name, error, result, image)
        return
    if found.damaged and not found.records and found.unread is None:
        result.findings.append(Finding(name, "Nothing in it can be read.", _ALL, _OPEN, image=image))
    elif expected is not None and head != expected and not expected.startswith(head) and _has_all(found.path, found):
        wrong = "The first line, which says whose journal it is, is damaged."
        result.findings.append(Finding(name, wrong, _NONE, _NOTHING_TO_DO, image=image))
    elif found.damaged:
        wrong = "A place in it is damaged."
        result.findings.append(Finding(name, wrong, _UNTOUCHED, _NOTHING_TO_DO, image=image))
    elif found.unread != 0:
        wrong = f"Its last {found.rest:,} bytes are damaged."
        result.findings.append(Finding(name, wrong, _END, _OPEN, image=image))
    elif found.rest:
        wrong = f"Its last {found.rest:,} bytes are no whole action, as a kill, a power cut or a full disk leaves them."
        lost = "Nothing that was called saved is known to be missing."
        result.findings.append(Finding(name, wrong, lost, "Nothing; work on.", "note", image))
    for record in found.records:
        other = known.setdefault(record.seq, record)
        if other is not record and encode_record(other) != encode_record(record):
            wrong = f"Action {record.seq} is there twice, with another content: two programs have written it."
            do = "Open the image: it shows one of both and keeps the other in a file beside it. Compare both."
            result.findings.append(Finding(name, wrong, "Nothing; both are kept.", do, image=image))


def _has_all(path: Path, found: JournalFile) -> bool:
    """Whether every action can be read that was written to a file, by the number in its name."""
    first = int(path.name[:12])
    return found.unread == 0 and [record.seq for record in found.records] == list(
        range(first, first + len(found.records))
    )


def _gaps(records: Sequence[JournalRecord], saved: int) -> Iterator[tuple[int, int]]:
    expected = 1
    for record in records:
        if record.seq > expected:
            yield expected, record.seq - 1
        expected = record.seq + 1
    if saved >= expected:
        yield expected, saved


def _before_gap(files: Sequence[Path], lost: tuple[int, int]) -> Path | None:
    """Return the file in which missing actions have been, by the first number in the names."""
    return next((path for path in reversed(files) if path.name[:12] <= f"{lost[0]:012d}"), None)


def _misfits(name: str, records: Sequence[JournalRecord], image: str) -> Iterator[Finding]:
    states: dict[object, bytes] = {}
    for record in records:
        pairs = [((delta.plane, delta.key), delta.before, delta.after) for delta in record.edit.tiles]
        for what, before, after in (*pairs, ("table", record.table_before, record.table_after)):
            if states.get(what, before) != before:
                wrong = f"Action {record.seq} does not follow from the one before."
                yield Finding(name, wrong, _UNTOUCHED, _NOTHING_TO_DO, image=image)
                return
            states[what] = after
