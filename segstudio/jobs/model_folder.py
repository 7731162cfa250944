"""Where a model lies: a folder with a card and weights, alone or inside a run."""

from pathlib import Path

from segstudio.core.errors import BadModel

CARD_NAME = "model.json"
WEIGHTS_NAME = "weights.safetensors"


def model_folder(path: Path) -> Path:
    """Return the folder that holds the model which `path` names: a model folder, a run, or a file in a model folder.

    Raises
    ------
    BadModel
        `path` is no model of this program. Nothing of a foreign file is executed.
    """
    for folder in (path, path / "model"):
        if (folder / CARD_NAME).is_file():
            return folder
    if path.name in (CARD_NAME, WEIGHTS_NAME) and (path.parent / CARD_NAME).is_file():
        return path.parent
    if not path.exists():
        raise BadModel(
            f"There is no model at {path}.",
            hint="Give the folder of a run or of a model.",
            code="model-missing",
            path=path,
        )
    what = f"The folder {path}" if path.is_dir() else f"The file {path.name}"
    raise BadModel(
        f"{what} is not a model of this program.",
        hint=f"A model is a folder with {CARD_NAME} and {WEIGHTS_NAME}, as a training writes it.",
        code="model-foreign",
        path=path,
    )
