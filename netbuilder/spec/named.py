"""What is taken where a name is: a network or a sandbox, as it is asked for or as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

from netbuilder.errors import shown


class Named:
    """What is taken where its name is."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def name(self) -> str:
            """Its name."""


class NetworkLike(Named):
    """A network, as it is asked for or as it stands."""

    __slots__ = ()


class SandboxLike(Named):
    """A sandbox, as it is asked for or as it stands."""

    __slots__ = ()


class Numbered(str):
    """The name of one sandbox, by its handle: no later one of that name has its number, and none of another host."""

    number: int

    def __new__(cls, name: str, number: int) -> Self:
        """A name with a number."""
        numbered = super().__new__(cls, name)
        numbered.number = number
        return numbered

    def __getnewargs__(self) -> tuple[str, int]:  # type: ignore[override]
        return str(self), self.number


def name_of(one: Named) -> str:
    """The name of a network or sandbox; that of a handle says which one it is of."""
    number = getattr(one, "number", None)
    return one.name if number is None else Numbered(one.name, number)


def is_name_of(kind: type[Named], otherwise: str) -> WrapValidator:
    """What takes a name, or what is of the right kind for its name."""

    def checked(given: object, validate: ValidatorFunctionWrapHandler) -> str:
        if not isinstance(given, kind | str):
            what = type(given).__name__ + (f" {shown(given.name)}" if isinstance(given, Named) else "")
            raise ValueError(f"{what} is {otherwise}")
        name = name_of(given) if isinstance(given, Named) else given
        valid: str = validate(str(name))
        return Numbered(valid, name.number) if isinstance(name, Numbered) else valid

    return WrapValidator(checked)
