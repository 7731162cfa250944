"""All settings of a run in their sections."""

from segstudio.config.augmentation import AugmentationConfig
from segstudio.config.base import Config
from segstudio.config.data import DataConfig
from segstudio.config.prediction import PredictionConfig
from segstudio.config.training import TrainingConfig


class RunConfig(Config):
    """Settings of a run."""

    data: DataConfig = DataConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    training: TrainingConfig = TrainingConfig()
    prediction: PredictionConfig = PredictionConfig()
