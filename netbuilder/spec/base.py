"""The base of all specs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from netbuilder.errors import printable, shown
from netbuilder.values.guesses import instead

Init = TypeVar("Init", bound=Callable[..., None])


class Spec(BaseModel):
    """A spec: frozen, strict, and no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What is not as by default, in the words in which it is written."""
        fields = type(self).model_fields.items()
        return [
            (name, value)
            for name, field in fields
            if (value := getattr(self, name)) != field.get_default(call_default_factory=True, validated_data={})
        ]

    def __str__(self) -> str:
        return repr(self)

    @model_validator(mode="wrap")
    @classmethod
    def _answer_unknown_fields(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Say of each unknown field what to write; pydantic says only that it is one."""
        try:
            return validate(given)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            if not any(map(cls._is_unknown_field, problems)):
                raise
        raise ValidationError.from_exception_data(cls.__name__, [*map(cls._answered, problems)])

    @classmethod
    def _is_unknown_field(cls, problem: ErrorDetails) -> bool:
        return problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1

    @classmethod
    def _answered(cls, problem: ErrorDetails) -> InitErrorDetails:
        said, place = problem["msg"], problem["loc"]
        if cls._is_unknown_field(problem):
            word = str(place[0])
            place = (printable(word),)
            answer = instead(cls, word, cls.model_fields)
            said = f"{shown(word)} is no field of {cls.__name__}{answer and f': {answer}'}"
        kept = PydanticCustomError(problem["type"], "{said}", {**problem.get("ctx", {}), "said": said})
        return InitErrorDetails(type=kept, loc=place, input=problem["input"])


def constructor(declared: Init) -> Init:
    """Make of an `__init__` that declares what may be written one that hands all of it to pydantic.

    What may be written is wider than what is kept. `help`, editors and type checkers show what is declared.
    """
    signature = inspect.signature(declared, eval_str=True)
    unnamed = [one.name for one in signature.parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD][1:]

    @wraps(declared)
    def __init__(self: Spec, /, *first: Any, **fields: Any) -> None:
        if len(first) > len(unnamed) or fields.keys() & unnamed[: len(first)]:
            takes = f"{unnamed[0]} alone without its name: write the others NAME=VALUE" if unnamed else "nothing"
            raise TypeError(f"{type(self).__name__} takes {takes}")
        BaseModel.__init__(self, **dict(zip(unnamed, first, strict=False)), **fields)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own word: it only hands on
    return __init__  # type: ignore[return-value]
