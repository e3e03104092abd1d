"""A mapping of words that nobody changes."""

from __future__ import annotations

from typing import Any, Never


class FrozenDict(dict[str, str]):
    """Words by name, which nobody changes, so that a spec that has them can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *_: Any, **__: Any) -> Never:
        raise TypeError("a spec is not changed: make another with model_copy(update=…)")

    # mypy: the same refusal for all of them
    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, str]]]:
        return FrozenDict, (dict(self),)
