"""Makes ``resources/samples/`` from the test data: ``python packaging/make_samples.py DATA``.

`DATA` holds ``nuclei/`` and ``histology/``, as their README describes them. Images are copied byte for byte.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from segstudio.core.classes import CLASS_COLOURS, ClassTable, ObjectClass
from segstudio.project.project import Project

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "samples"

#: Name in the sample, file in the data, use; all from the training split. "auto" ones come without labels.
CHOSEN = (
    ("nuclei-01", "nuclei/dsb_c9f305", "train"),
    ("nuclei-02", "nuclei/dsb_d4d883", "train"),
    ("nuclei-03", "nuclei/dsb_3a3fee", "train"),
    ("nuclei-04", "nuclei/dsb_0bf4b1", "train"),
    ("nuclei-05", "nuclei/dsb_ae9f76", "train"),
    ("nuclei-06", "nuclei/dsb_f73e37", "train"),
    ("nuclei-07", "nuclei/dsb_d35f25", "train"),
    ("nuclei-08", "nuclei/dsb_06c779", "val"),
    ("nuclei-09", "nuclei/dsb_f26f4c", "val"),
    ("nuclei-10", "nuclei/dsb_c7d546", "auto"),
    ("nuclei-11", "nuclei/dsb_ff599c", "auto"),
    ("nuclei-12", "nuclei/dsb_bf7691", "auto"),
    # Only for looking at and for testing: a colour image in training would make the network a colour one.
    ("tissue-1", "histology/dsb_7798ca", "test"),
    ("tissue-2", "histology/dsb_00ae65", "auto"),
)


def main() -> int:
    """Write the project and the table of what it is made of."""
    data = Path(sys.argv[1])
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "Sample"
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True)
        for name, pattern, use in CHOSEN:
            group, stem = pattern.split("/")
            image = next((data / group / "train" / "images").glob(f"{stem}*.png"))
            shutil.copyfile(image, folder / "images" / f"{name}.png")
            if use != "auto":
                mask = data / group / "train" / "masks" / f"{image.stem}.tif"
                shutil.copyfile(mask, folder / "masks" / f"{name}.tif")
            rows.append(f"| `{name}.png` | `{group}/train/images/{image.name}` | {use if use != 'auto' else 'none'} |")
        problems = build(folder)
        if problems:
            raise SystemExit("\n".join(problems))
        for left in ("masks", ".segstudio", "project.json.bak"):
            path = folder / left
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
        for part in ("images", "labels", "regions"):
            shutil.rmtree(TARGET / part, ignore_errors=True)
        shutil.copytree(folder, TARGET, dirs_exist_ok=True)
    print("\n".join(rows))
    size = sum(file.stat().st_size for file in TARGET.rglob("*") if file.is_file())
    print(f"{size / 1e6:.2f} MB in {TARGET}")
    return 0


def build(folder: Path) -> list[str]:
    """Make the project in `folder` of its ``images/`` and ``masks/``; return what went wrong."""
    project, problems = Project.create(folder, folder / "images", "Sample")
    with project:
        uses = {name: use for name, _, use in CHOSEN}
        problems += project.import_masks(complete=True)
        for entry in project.images:
            project.set_split(entry.id, uses[Path(entry.name).stem])
        project.set_classes(ClassTable((ObjectClass(1, "nucleus", CLASS_COLOURS[0]),)))
        project.save()
    return problems


if __name__ == "__main__":
    raise SystemExit(main())
