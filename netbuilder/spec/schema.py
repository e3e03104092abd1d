"""The JSON Schema of specs, for editors and for programs in other languages."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from netbuilder.spec.base import Spec
from netbuilder.spec.network import Network
from netbuilder.spec.sandbox import Sandbox


class _Specs(Spec):
    """What one document asks for: networks, and sandboxes on them."""

    model_config = ConfigDict(title="Specs")

    networks: list[Network] = []  # noqa: RUF012 (pydantic copies it)
    sandboxes: list[Sandbox] = []  # noqa: RUF012


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `{"networks": [...], "sandboxes": [...]}` (https://json-schema.org, draft 2020-12).

    Two lists, since `{"name": "web"}` may be either. What it accepts is read by `Network.model_validate_json` and
    `Sandbox.model_validate_json`, which check more than a schema can say.
    """
    return _Specs.model_json_schema()
