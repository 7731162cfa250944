"""Lovász losses: the IoU itself, made smooth, so that what is trained is what is measured.

Berman, Triki and Blaschko, CVPR 2018. The IoU is taken over the valid pixels of the whole batch.
"""

import torch
from torch import Tensor


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


def _extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Return the errors weighed by how much each, in descending order, lowers the IoU."""
    ordered, order = torch.sort(errors, descending=True)
    return torch.dot(ordered, iou_steps(truth[order]).to(ordered.dtype))


def iou_steps(truth: Tensor) -> Tensor:
    """Return by how much ``1 - IoU`` grows when the pixels ``(..., P)`` turn wrong one after the other.

    `truth` is 0 or 1. The first pixels should be those that are wrong the most.
    """
    # Counted in whole numbers: sums of many pixels would lose ones in float32, and CUDA adds floats in any order.
    right, wrong = truth.long().cumsum(-1), (1 - truth).long().cumsum(-1)
    total = right[..., -1:]
    exact = torch.float32 if truth.device.type == "mps" else torch.float64  # Apple's cards know no float64
    loss = 1 - (total - right).to(exact) / (total + wrong).to(exact)
    return torch.cat([loss[..., :1], loss.diff(dim=-1)], dim=-1)
