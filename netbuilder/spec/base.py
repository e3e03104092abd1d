"""The base of all specs."""

from __future__ import annotations

import inspect
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator

from netbuilder.errors import suggestion


class Spec(BaseModel):
    """A spec: frozen, strict, and no unknown fields. Its first field may be given without its name."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    advice: ClassVar[dict[str, str]] = {}
    """What to write in place of a field that there is not, for words that others use."""

    def __init__(self, *first: Any, **fields: Any) -> None:
        if first:
            name, *_ = (name for name in type(self).model_fields if name != "kind")
            if len(first) > 1 or name in fields:
                raise TypeError(
                    f"{type(self).__name__} takes {name} alone without its name: write the others NAME=VALUE"
                )
            fields[name] = first[0]
        super().__init__(**fields)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give `help` and editors a signature that can be read: types without what is checked of them."""
        fields = [(name, field) for name, field in cls.model_fields.items() if name != "kind"]
        cls.__signature__ = inspect.Signature(
            [
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY if at else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    default=inspect.Parameter.empty if field.is_required() else field.default,
                    annotation=_plain(field.annotation),
                )
                for at, (name, field) in enumerate(fields)
            ]
        )

    @model_validator(mode="before")
    @classmethod
    def _knows_its_fields(cls, given: Any) -> Any:
        unknown = given.keys() - cls.model_fields.keys() if isinstance(given, dict) else ()
        for name in sorted(map(str, unknown)):
            meant = cls.advice.get(name) or suggestion(name, cls.model_fields)
            if meant:
                raise ValueError(f"{name[:40]!r} is no field of {cls.__name__}: {meant}")
        return given


def _plain(annotation: Any) -> Any:
    """A type without its constraints."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, map(_plain, get_args(annotation)))
    return annotation
