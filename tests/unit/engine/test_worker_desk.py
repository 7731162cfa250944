"""The jobs of the warm worker: a waiting one is taken back at once, whatever is at work."""

import io
from pathlib import Path

from segstudio.engine.worker import _Desk
from segstudio.jobs.channel import MessageWriter
from segstudio.jobs.messages import Finished, from_line
from segstudio.jobs.spec import CatalogueJob


def test_a_waiting_job_is_taken_back_at_once_and_never_begun() -> None:
    said = io.BytesIO()
    desk = _Desk(MessageWriter(said))
    for name in ("a", "b", "c"):
        desk.put(CatalogueJob(job_id=name, output=Path("catalogue.json")))
    first = desk.take()
    assert first is not None
    assert first[0].job_id == "a"
    desk.cancel("b")
    message = from_line(said.getvalue())
    assert isinstance(message, Finished)
    assert (message.job_id, message.outcome) == ("b", "stopped")
    assert first[1].wish() == "run"  # the one at work goes on
    desk.cancel("a")
    assert first[1].wish() == "stop"
    desk.done("a")
    following = desk.take()
    assert following is not None
    assert following[0].job_id == "c"
    desk.cancel("never heard of")
    desk.close()
    assert following[1].wish() == "abandon"
    assert desk.take() is None
