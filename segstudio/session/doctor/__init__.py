"""Training that explains itself: what a training says of itself, judged by rules, with a remedy for each finding."""

from segstudio.session.doctor.base import Case, Finding, Remedy, Severity
from segstudio.session.doctor.examine import examine, silence

#: Codes of warnings about which a finding says more.
EXPLAINED = frozenset({"no-validation", "not-finite", "step-left-out", "class-missing"})

__all__ = ["EXPLAINED", "Case", "Finding", "Remedy", "Severity", "examine", "silence"]
