"""Lovász losses: the IoU itself, made smooth, so that what is trained is what is measured.

Berman, Triki and Blaschko, CVPR 2018. The IoU is taken over the valid pixels of the whole batch.
"""

import torch
from torch import Tensor
from torch.nn import functional


def lovasz_softmax(probability: Tensor, target: Tensor, valid: Tensor, *, background: bool = True) -> Tensor:
    """Return the Lovász extension of ``1 - IoU``, averaged over the classes that are in the batch.

    Parameters
    ----------
    probability
        ``(N, K, H, W)``, softmax over the classes.
    target
        ``(N, 1, H, W)`` numbers 0..K-1 of the true class, as float.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known. If nothing is valid the loss is 0.
    background
        Whether class 0 counts as well.
    """
    known = (valid[:, 0] > 0).flatten()
    number = torch.where(known, target[:, 0].flatten(), -1.0)
    terms, present = [], []
    for place in range(0 if background else 1, probability.shape[1]):
        truth = (number == place).to(probability.dtype)
        # Pixels that are not valid have no error: they are sorted last and change nothing.
        errors = (truth - probability[:, place].flatten()).abs() * known
        terms.append(_extension(errors, truth))
        present.append(truth.any())
    there = torch.stack(present).to(probability.dtype)
    return (torch.stack(terms) * there).sum() / there.sum().clamp_min(1)


def lovasz_hinge(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the Lovász hinge of ``1 - IoU`` of yes or no, averaged over channels.

    Parameters
    ----------
    logits, target
        ``(N, C, H, W)``; `target` is 0 or 1.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known. If nothing is valid the loss is 0.
    """
    known = (valid[:, 0] > 0).flatten()
    terms = []
    for channel in range(logits.shape[1]):
        truth = target[:, channel].flatten() * known
        errors = 1 - logits[:, channel].flatten() * (2 * truth - 1)
        terms.append(_extension(functional.relu(errors) * known, truth))
    return torch.stack(terms).mean()


def _extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Return the errors weighed by how much each, in descending order, lowers the IoU."""
    ordered, order = torch.sort(errors, descending=True)
    return torch.dot(ordered, _slope(truth[order]).to(ordered.dtype))


def _slope(truth: Tensor) -> Tensor:
    """Return the steps of the Jaccard loss when the pixels of `truth`, 0 or 1, turn wrong one after the other."""
    # Counted in whole numbers: sums of many pixels would lose ones in float32, and CUDA adds floats in any order.
    right, wrong = truth.long().cumsum(0), (1 - truth).long().cumsum(0)
    total = right[-1]
    loss = 1 - (total - right).double() / (total + wrong).double()
    return torch.cat([loss[:1], loss.diff()])
