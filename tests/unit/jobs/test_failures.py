import errno

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from segstudio.config.training import TrainingConfig
from segstudio.core.errors import BadInput, JobFailed, UserError, WrongUsage
from segstudio.jobs.failures import as_user_error, failure, is_out_of_memory, reported
from segstudio.jobs.messages import Failed


class OutOfMemoryError(RuntimeError):
    """Stands for torch.OutOfMemoryError, which is told by its name."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "out-of-memory"),
        (MemoryError(), "out-of-memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out-of-memory"),
        (OSError(errno.ENOSPC, "No space left on device", "a.tif"), "disk-full"),
        (PermissionError(errno.EACCES, "denied", "a.tif"), "no-permission"),
        (FileNotFoundError(errno.ENOENT, "gone", "a.tif"), "file-missing"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a.tif/run"), "not-a-folder"),
        (OSError(errno.EIO, "Input/output error", "a.tif"), "disk-error"),
        (RuntimeError("CUDA error: device-side assert triggered"), "gpu-error"),
        (KeyError("x"), "internal-error"),
    ],
)
def test_errors_become_a_sentence_with_a_remedy(error: Exception, code: str) -> None:
    told = as_user_error(error)
    assert isinstance(told, JobFailed)
    assert told.code == code
    assert told.message.endswith(".") or told.code in ("gpu-error", "internal-error", "disk-error")
    assert told.hint


def test_a_disk_error_names_the_file() -> None:
    assert "a.tif" in as_user_error(OSError(errno.ENOSPC, "full", "a.tif")).message


def test_a_user_error_stays_itself() -> None:
    error = BadInput("a.tif is empty.", hint="Copy it again.", code="empty")
    assert as_user_error(error) is error


def test_a_wrong_setting_is_named_with_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingConfig.model_validate({"batch_size": -1})
    told = as_user_error(caught.value)
    assert isinstance(told, WrongUsage)
    assert "batch_size" in told.message
    assert "-1" in told.message


def test_settings_that_do_not_fit_each_other_are_told_without_their_values_as_code() -> None:
    class Sizes(BaseModel):
        smallest: int = 8
        largest: int = 128

        @model_validator(mode="after")
        def _fits(self) -> "Sizes":
            raise ValueError(f"the smallest object ({self.smallest} px) must be smaller than the largest")

    with pytest.raises(ValidationError) as caught:
        Sizes.model_validate({"smallest": 2048})
    told = as_user_error(caught.value)
    assert isinstance(told, WrongUsage)
    assert told.message == "The smallest object (2048 px) must be smaller than the largest."
    assert told.code == "invalid-setting"


def test_a_failure_keeps_the_traceback_as_details() -> None:
    try:
        raise KeyError("the culprit")
    except KeyError as error:
        message = failure(error, "j1")
    assert message.job_id == "j1"
    assert "the culprit" in message.details
    assert "Traceback" in message.details


def test_out_of_memory_is_not_seen_in_other_errors() -> None:
    assert not is_out_of_memory(ValueError("out of memory"))


def test_reported_tells_and_lets_pass_on_as_user_error() -> None:
    told: list[Failed] = []
    with pytest.raises(UserError), reported(told.append, "j2"):
        raise MemoryError
    assert told[0].code == "out-of-memory"


def test_reported_leaves_success_alone() -> None:
    told: list[Failed] = []
    with reported(told.append):
        value = 1
    assert (value, told) == (1, [])


def test_a_link_to_itself_is_told_in_words() -> None:
    told = as_user_error(RuntimeError("Symlink loop from '/data/loop'"))
    assert isinstance(told, WrongUsage)
    assert "leads back to itself" in told.message
    assert "/data/loop" in told.message
