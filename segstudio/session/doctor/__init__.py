"""Training that explains itself: what a training says of itself, judged by rules, with a remedy for each finding."""

from segstudio.session.doctor.base import Case, Finding, Remedy, Severity
from segstudio.session.doctor.examine import examine

__all__ = ["Case", "Finding", "Remedy", "Severity", "examine"]
