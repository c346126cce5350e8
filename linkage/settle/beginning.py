"""Enough of a name's beginning to tell it: how people write the long ids of cases and pairs."""

from collections.abc import Iterable

_MOST_NAMED = 5


class NotOne(Exception):
    """None of them begins so, or several do: `candidates` names the first of those."""

    def __init__(self, candidates: tuple[str, ...]) -> None:
        super().__init__()
        self.candidates = candidates

    def told(self, text: str, kind: str, command: str) -> str:
        """For a person: `kind` is what was looked for, `command` shows all of them."""
        if not self.candidates:
            return f"{text!r} is no {kind}; see `{command}`"
        return f"{text!r} is the beginning of several: {', '.join(self.candidates)}; write more of it"


def begun(text: str, names: Iterable[str]) -> str:
    """The only one of the names that begins with the text, or is it. Raises NotOne."""
    found = sorted({name for name in names if name.startswith(text)}) if text else []
    if text not in found and len(found) != 1:
        raise NotOne(tuple(found[:_MOST_NAMED]))
    return text if text in found else found[0]
