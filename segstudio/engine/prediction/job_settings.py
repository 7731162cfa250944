"""The settings that a job asks for, checked: of the prediction, and of the decoder that its model has."""

from typing import Any

from pydantic import ValidationError

from segstudio.config.prediction import PredictionConfig
from segstudio.config.problems import sentence
from segstudio.core.errors import BadModel, UserError, WrongUsage
from segstudio.engine.formulations.base import DecodeSettings, Formulation
from segstudio.engine.model_card import ModelCard
from segstudio.jobs.spec import DecodeJob, PredictJob


def decode_settings(card: ModelCard, formulation: Formulation, job: PredictJob | DecodeJob) -> DecodeSettings:
    """Return the model's decoder settings with the changes that a job asks for.

    Raises
    ------
    WrongUsage
        A change is wrong.
    BadModel
        The model's own settings are.
    """
    values = {**card.decode, **job.decode}
    if isinstance(job, PredictJob) and "min_size" not in job.decode:
        smallest = prediction_settings(job.settings).min_size
        values |= {"min_size": smallest} if smallest else {}
    try:
        return formulation.DecodeConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = first["loc"][0] if first["loc"] else ""
        if name in card.decode.keys() - job.decode.keys():
            raise BadModel(
                f"The card of the model {card.name} holds a wrong setting, decode.{name}: {sentence(first)}.",
                hint="Copy the model again from where it was trained, or choose another one.",
                code="model-damaged",
            ) from error
        raise _wrong_setting("decode", error) from error


def prediction_settings(values: dict[str, Any]) -> PredictionConfig:
    """Return the settings of a prediction; raise `WrongUsage` for wrong ones."""
    try:
        return PredictionConfig.model_validate(values)
    except ValidationError as error:
        raise _wrong_setting("prediction", error) from error


def _wrong_setting(section: str, error: ValidationError) -> UserError:
    first = error.errors()[0]
    field = ".".join([section, *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        return WrongUsage(f"There is no setting called {field}.", code="wrong-setting")
    words = f"The setting {field} cannot be {first['input']!r}: {sentence(first)}."
    return WrongUsage(words, hint="Change this setting and start again.", code="wrong-setting")
