"""What tests of short trainings share."""

import pytest
import torch
from short_trainings import disc_samples

from segstudio.jobs.spec import SampleRecord


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings leave the other cores to the tests beside them."""
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleRecord, ...]:
    """See `disc_samples`."""
    return disc_samples(tmp_path_factory.mktemp("discs"))
