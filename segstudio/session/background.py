"""Work that takes time runs on threads; its result comes back on the main thread."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from segstudio.core.errors import UserError
from segstudio.jobs.failures import as_user_error

T = TypeVar("T")
Post = Callable[[Callable[[], None]], None]


class Background:
    """Runs slow work away from the main thread.

    Parameters
    ----------
    post
        Hands a callable to the main thread, from any thread. ``None`` runs everything in place,
        for tests and programs without an event loop.
    failed
        Gets every `UserError` whose caller named no handler of its own.
    """

    def __init__(self, post: Post | None = None, failed: Callable[[UserError], None] | None = None) -> None:
        self._post = post
        self._failed = failed or _raise
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._closed = False

    def post(self, call: Callable[[], None]) -> None:
        """Do `call` on the main thread, soon; at once where there is no event loop."""
        if self._post is None:
            call()
        elif not self._closed:
            self._post(call)

    def run(
        self,
        work: Callable[[], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[UserError], None] | None = None,
        lane: str = "",
    ) -> None:
        """Do `work` on a thread, then call ``then(result)`` or ``failed(error)`` on the main thread.

        Work of one named `lane` runs one after the other, in order; the unnamed lane has four threads.
        What the disk refuses is told as a `UserError`; any other error is raised again on the main thread,
        where the program's hook reports it.
        """
        if self._closed:
            return
        post = self._post
        if post is None:
            self._attempt(work, then, failed)()
            return
        if lane not in self._lanes:
            name = lane or "background"
            self._lanes[lane] = ThreadPoolExecutor(1 if lane else 4, thread_name_prefix=name)
        self._lanes[lane].submit(lambda: post(self._attempt(work, then, failed)))

    def _attempt(
        self,
        work: Callable[[], T],
        then: Callable[[T], None] | None,
        failed: Callable[[UserError], None] | None,
    ) -> Callable[[], None]:
        try:
            result = work()
        except (UserError, OSError) as error:
            handler, problem = failed or self._failed, as_user_error(error)
            return lambda: handler(problem)
        except BaseException as error:  # noqa: BLE001 - carried to the main thread and raised there
            unexpected = error
            return lambda: _raise(unexpected)
        if then is None:
            return lambda: None
        done = then
        return lambda: None if self._closed else done(result)

    def close(self) -> None:
        """Finish what has been asked for, drop the answers, end the threads."""
        self._closed = True
        for pool in self._lanes.values():
            pool.shutdown(wait=True)


def _raise(error: BaseException) -> None:
    raise error
