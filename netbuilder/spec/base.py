"""The base of all specs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A spec: frozen, strict, and no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
