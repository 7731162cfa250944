"""Ways to put segmentation as a learning task: targets, losses and decoding, one per file."""

from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation, formulations

__all__ = ["DecodeSettings", "Decoded", "Formulation", "formulations"]
