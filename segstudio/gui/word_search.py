"""How well an action fits what somebody types who does not remember its name letter by letter."""

import re


def rank(typed: str, name: str, menu: str = "", more: str = "") -> int | None:
    """Return how far `typed` is from an action; 0 fits best, ``None`` not at all.

    Parameters
    ----------
    typed
        Each of its words has to be found, in any order.
    name, menu, more
        What the action is called, where it stands, and what else is said about it: found in them in this order.
    """
    wanted = typed.casefold().split()
    ranks = [_rank_word(word, name.casefold(), menu.casefold(), more.casefold()) for word in wanted]
    found = [each for each in ranks if each is not None]
    if len(found) < len(ranks):
        return None
    return sum(found) + (not name.casefold().startswith(" ".join(wanted)))


def _rank_word(word: str, name: str, menu: str, more: str) -> int | None:
    if _begins_a_word(word, name):
        return 0
    if word in name:
        return 2
    if _begins_a_word(word, menu):
        return 3
    if len(word) > 1 and _skips_letters(word, name):
        return 5
    return 8 if len(word) > 2 and _begins_a_word(word, more) else None


def _begins_a_word(word: str, text: str) -> bool:
    return any(part.startswith(word) for part in _words(text))


def _skips_letters(word: str, text: str) -> bool:
    """Whether the letters of `word` stand in `text` in their order, the first one where a word begins."""
    pattern = r"\b" + ".*?".join(map(re.escape, word))
    return re.search(pattern, text) is not None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
