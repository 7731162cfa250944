"""Calls back to an object without keeping it in memory."""

from collections.abc import Callable
from typing import ParamSpec
from weakref import WeakMethod

P = ParamSpec("P")


def weakly(method: Callable[P, None]) -> Callable[P, None]:
    """Return a function that calls a bound method as long as its object is there, and does not keep it there.

    Whoever owns what calls back uses it: two that know each other stay in memory until the cyclic collector comes.
    """
    weak = WeakMethod(method)

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        known = weak()
        if known is not None:
            known(*args, **kwargs)

    return call
