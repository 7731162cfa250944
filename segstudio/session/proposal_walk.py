"""Going through proposals one after the other, the most doubtful first."""

from collections.abc import Callable

from segstudio.session.acceptance import Accepted
from segstudio.session.review import Review


class ProposalWalk:
    """Decides about the proposal in focus and goes on to the next."""

    def __init__(self, review: Review) -> None:
        self._review = review

    def next_pending(self) -> None:
        """Go to the next doubtful proposal; after the last comes the first."""
        self._step(1)

    def previous_pending(self) -> None:
        """Go back to the proposal before."""
        self._step(-1)

    def accept_current(self) -> Accepted:
        """Accept the proposal in focus and go on to the next; the first call only brings one into focus."""
        return self._decide(lambda item: self._review.accept([item]))

    def reject_current(self) -> None:
        """Reject the proposal in focus and go on to the next."""

        def reject(item: int) -> Accepted:
            self._review.reject([item])
            return Accepted({})

        self._decide(reject)

    def edit_current(self) -> Accepted:
        """Accept the proposal in focus without going on; the new object is to be selected."""
        current = self._review.current
        return self._review.accept([current]) if current else Accepted({})

    def _decide(self, decide: Callable[[int], Accepted]) -> Accepted:
        current, order = self._review.current, self._review.pending()
        if current not in order:
            self.next_pending()
            return Accepted({})
        following = order[order.index(current) + 1 :] + order[: order.index(current)]
        made = decide(current)
        left = set(self._review.pending())
        self._review.focus(next((item for item in following if item in left), 0))
        return made

    def _step(self, by: int) -> None:
        order, current = self._review.pending(), self._review.current
        if not order:
            self._review.focus(0)
        elif current in order:
            self._review.focus(order[(order.index(current) + by) % len(order)])
        else:
            self._review.focus(order[0 if by > 0 else -1])
