"""What of a model whose formulation brings its own network fits one made with other settings."""

import torch

from segstudio.core.errors import BadModel
from segstudio.engine.formulations import Formulation
from segstudio.engine.model_card import ModelCard, build_formulation


def parts_anew(card: ModelCard, formulation: Formulation) -> set[str]:
    """Return the weights of the own network of `formulation` that a model of the same formulation cannot give.

    They are not there or have other sizes, and not only because of other classes or channels; none where all fit.

    Raises
    ------
    BadModel
        Its encoder is another: hardly anything would be taken.
    """
    known = build_formulation(card)
    if not formulation.own_network or type(known) is not type(formulation):
        return set()
    wanted = type(formulation)(formulation.config, known.class_ids)
    with torch.device("meta"):
        old, new = (item.build_network(card.in_channels) for item in (known, wanted))
    held = {name: weight.shape for name, weight in old.state_dict().items()}
    anew = {name for name, weight in new.state_dict().items() if held.get(name) != weight.shape}
    encoder = {id(weight) for weight in new.encoder_parameters()}
    if any(name in anew for name, weight in new.named_parameters() if id(weight) in encoder):
        raise BadModel(
            f"The training cannot start from the model {card.name}: its backbone is another, or of another width.",
            hint="Choose the settings of that model, or train from scratch.",
            code="model-other-network",
        )
    return anew
