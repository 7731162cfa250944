"""``segstudio predict``: label images of new images with a trained model."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from segstudio.cli.flags import add_flags, given_settings
from segstudio.cli.progress import add_output_flags, follow
from segstudio.config.form_spec import form_spec
from segstudio.config.prediction import PredictionConfig
from segstudio.core.axes import place_words
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.io.image_place import image_exists, own_stem
from segstudio.io.sources import open_image
from segstudio.jobs.spec import PredictImage, PredictJob
from segstudio.project.image_files import list_images, without_masks
from segstudio.project.intake import refuse_no_text


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``predict`` to the commands."""
    parser = subparsers.add_parser(
        "predict",
        help="find the objects of images with a model",
        description="Writes DIR/<name of the image>.tif, a label image with one number per object, for each INPUT; "
        "for each plane of a stack one, as <name>_t02_z017.tif.",
        epilog="Settings of the decoder, as threshold: --decode.NAME, as `segstudio catalogue` lists them.",
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="folder of a run or of a model")
    parser.add_argument("inputs", metavar="INPUT", type=Path, nargs="+", help="images, or folders of images")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the label images")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="(default: auto)")
    add_output_flags(parser)
    add_flags(parser, form_spec(PredictionConfig.model_json_schema()), "prediction.")
    parser.set_defaults(run=run, more_flags=more_flags)


def more_flags(parser: argparse.ArgumentParser, namespace: argparse.Namespace) -> None:
    """Add the flags for the decoder settings of the model's formulation."""
    from segstudio.engine.model_card import build_formulation, read_card

    formulation = build_formulation(read_card(namespace.model))
    add_flags(parser, form_spec(formulation.DecodeConfig.model_json_schema()), "decode.")


def run(namespace: argparse.Namespace) -> int:
    """Predict all inputs; return the exit code."""
    images = tuple(predict_images(namespace.inputs, namespace.out))
    from segstudio.engine.run import run_job

    settings = given_settings(namespace)
    job = PredictJob(
        job_id=uuid4().hex[:12],
        model=namespace.model.resolve(),
        images=images,
        settings=settings.get("prediction", {}),
        decode=settings.get("decode", {}),
        device=namespace.device,
    )
    finished = follow(run_job(job), namespace)
    left_out = int(finished.summary.get("left_out", 0))
    if left_out:
        raise BadInput(
            f"{left_out} of {len(images)} images could not be predicted; the others are in {namespace.out}.",
            hint="The notes above name them and say why.",
            code="left-out",
        )
    return 0


def predict_images(inputs: Sequence[Path], out: Path) -> Iterator[PredictImage]:
    """Yield each image of `inputs`, folders taken apart, with its label file in `out`; of a stack each plane with one.

    Raises
    ------
    BadInput
        An input does not exist, or a folder holds no image.
    WrongUsage
        Two images have the same name, so that one result would replace the other; or a result would replace a file
        that is no earlier result.
    """
    seen: dict[str, Path] = {}
    refuse_no_text(out.resolve())
    for image in _files(inputs):
        refuse_no_text(image.resolve())
        for plane, words in _planes(image):
            stem = own_stem(image) + words
            if (other := seen.get(stem)) is not None:
                raise WrongUsage(
                    f"Two images are called {stem}: {other} and {image}.",
                    hint="Predict them into different folders.",
                    code="same-name",
                )
            seen[stem] = image
            output = out.resolve() / f"{stem}.tif"
            _refuse_to_replace(output, image.resolve())
            yield PredictImage(image_id=stem, image=image.resolve(), output=output, plane=plane)


def _planes(image: Path) -> Iterator[tuple[int | None, str]]:
    """Yield the planes of an image, and where each lies in words; what cannot be read is said when it is its turn."""
    info = None
    with suppress(BadInput), open_image(image) as source:
        info = source.info
    if info is None or info.planes == 1:
        yield None, ""
        return
    for plane in range(info.planes):
        yield plane, place_words(*info.stack, plane)


def _refuse_to_replace(output: Path, image: Path) -> None:
    """Let a prediction replace nothing but an earlier prediction: never an image, nor labels made by hand."""
    from segstudio.engine.prediction.result_files import is_result
    from segstudio.project.layout import keep_out

    keep_out(output)
    table = output.with_suffix(".json")
    if output.resolve() == image or ((output.exists() or table.exists()) and not is_result(output)):
        raise WrongUsage(
            f"The result for {image.name} would replace {output}, which no prediction has written.",
            hint="Choose another folder for the results (--out).",
            code="would-replace",
        )


def _files(inputs: Sequence[Path]) -> Iterator[Path]:
    for path in inputs:
        if image_exists(path) or not path.is_dir():
            if not image_exists(path):
                raise BadInput(f"There is no file {path}.", hint="Check the name.", code="missing", path=path)
            yield path
            continue
        found = without_masks(list_images(path))
        if not found:
            raise BadInput(
                f"The folder {path} holds no image.", hint="Choose the folder of the images.", code="empty", path=path
            )
        yield from found
