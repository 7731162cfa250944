"""How good a model is, in the figure that what it does is judged by."""

from PySide6.QtCore import QCoreApplication

from segstudio.session.runs import Run


def score_words(run: Run) -> str:
    """Return PSNR of a model that makes images, F1 of one that finds objects; empty while neither is known."""
    if run.psnr is not None:
        return QCoreApplication.translate("ScoreWords", "PSNR {0:.1f} dB").format(run.psnr)
    return QCoreApplication.translate("ScoreWords", "F1 {0:.2f}").format(run.f1) if run.f1 is not None else ""
