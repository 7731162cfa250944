"""Every formulation with its defaults, and with each setting by which it learns or answers something else."""

from collections.abc import Iterator

import numpy as np
from pydantic import ValidationError

from segstudio.engine.formulations import Formulation, formulations


def _variants() -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the name and the settings of each."""
    tiny = np.eye(4, dtype=np.int32)

    def known(formulation: Formulation) -> tuple[object, ...]:
        best = formulation.best_answer(tiny)
        return (formulation.out_channels, *formulation.encode(tiny), best.tobytes())

    for name, kind in formulations:
        plain = kind()
        yield name, {}
        for field, info in kind.Config.model_json_schema()["properties"].items():
            for choice in info.get("enum", []):
                try:
                    other = kind(kind.Config.model_validate({field: choice}))
                except ValidationError:
                    continue  # it stands only beside another setting
                if known(other) != known(plain):
                    yield name, {field: choice}


VARIANTS = {"-".join([name, *map(str, settings.values())]): (name, settings) for name, settings in _variants()}
