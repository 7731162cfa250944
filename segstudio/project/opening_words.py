"""What opening an image says of files that others changed, damaged or took away: never more than is true."""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from segstudio.project.annotation_files import AnnotationFiles


@dataclass(frozen=True)
class OpeningWords:
    """Sentences about the files of one image.

    Attributes
    ----------
    ruined
        Published files that are gone, or of which nothing can be read.
    whole
        Whether the journal tells everything that was done.
    went_back
        Whether the last thing done was to go back to an earlier state.
    """

    files: AnnotationFiles
    ruined: Set[Path]
    whole: bool
    went_back: bool = False

    @property
    def labels_ruined(self) -> bool:
        """Whether nothing of the label file can be read."""
        return self.files.labels in self.ruined

    def foreign(self, path: Path, kept: Path | None, *, lost: bool) -> str:
        """Return what is said of a file that was changed or damaged; `lost`: the journal does not lead to its content.

        `kept` is its copy.
        """
        says = f"{path.name} was changed or damaged outside of SegStudio{self._came_back(path, lost)}."
        where = f" The file as it was found is kept as {kept.name}." if kept is not None else ""
        return f"{says}{where}{self._to_look_at(path, lost)}"

    def _came_back(self, path: Path, lost: bool) -> str:
        if lost and path not in self.ruined:
            return ""  # it is shown as it is
        if lost or not self.whole:
            return "; it was restored as far as its journal can be read"
        return "; its labels are those of an earlier state now" if self.went_back else "; your own labels were restored"

    def _to_look_at(self, path: Path, lost: bool) -> str:
        unsure = path == self.files.objects and path in self.ruined and (lost or not self.whole)
        return " Look at the classes of its objects." if unsure else ""

    def again(self, path: Path, *, journalled: bool) -> str:
        """Return what becomes of a file that is gone."""
        if not journalled:
            return "Put it back, or choose an earlier state."
        how = "from the journal" if self.whole else "as far as its journal can be read"
        return f"It is written anew {how}.{self._to_look_at(path, lost=False)}"

    def unfit(self, *, loses: bool) -> str:
        """Return what is said of a journal that leads to nothing of what is shown; `loses`: actions may be lost."""
        undone = "so earlier actions on this image can no longer be undone."
        if self.labels_ruined:
            says = f"The journal of {self.files.labels.stem} is damaged, {undone}"
            return f"{says} The labels are shown as far as it can be read; the rest is lost."
        says = (
            f"{self.files.labels.name} does not fit its journal, {undone} The labels are shown as they are in the file"
        )
        return f"{says}. What you did after it was saved last may be lost." if loses else f"{says}."

    def gone(self) -> str:
        """Return what is said of a journal that was taken away."""
        says = (
            f"The journal of {self.files.labels.stem} was taken away, so earlier actions on this image can no longer "
        )
        shown = "" if self.labels_ruined else " The labels are shown as they were saved last."
        return f"{says}be undone.{shown}"

    def missing(self, count: int) -> str:
        """Return what is said of a journal of which a file is gone, with actions that no label file has."""
        actions = "An action is" if count == 1 else f"{count} actions are"
        return (
            f"{actions} missing in the journal of {self.files.labels.stem}: a file of it was deleted, or has not come "
            "yet from another computer. What was drawn then may be lost, and nothing before it can be undone. Where a "
            "backup has the file, close the project and put it back before you draw anything."
        )

    def only_headers(self) -> str:
        """Return what is said of a damaged journal of which every action is there."""
        return f"The journal of {self.files.labels.stem} is damaged, but every action in it can be read and undone."

    def damaged(self, lost: int | None, *, can_go_back: bool, inside: bool) -> str:
        """Return what is said of a damaged journal.

        Parameters
        ----------
        lost
            How many actions are nowhere any more; ``None`` when nobody can tell.
        can_go_back
            Whether there is something before the damage.
        inside
            Whether more follows the damage.
        """
        name = self.files.labels.name
        says = f"The journal of {self.files.labels.stem} is damaged: "
        if inside and lost == 0:
            return (
                f"{says}some actions can no longer be undone, nor what was done before them. Nothing you drew is lost."
            )
        if lost == 0:
            back = "One undo takes it back, then undo goes on as before."
            back = back if can_go_back else "It can no longer be undone."
            return f"{says}its last part cannot be read. Nothing you drew is lost, for {name} holds it. {back}"
        if lost is None and self.labels_ruined:
            return f"{says}what cannot be read of it is lost, for {name} is lost as well."
        if lost is None:
            return f"{says}what you did after {name} was saved last may be lost. All before that is there."
        which = "the last action is" if lost == 1 else f"the last {lost} actions are"
        return f"{says}{which} lost. All before that is there and can be undone."
