"""Contracts as JSON Schema components, exactly as they are validated: made by Pydantic from the same core schema."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from clarivum.api.contract import Contract
from clarivum.api.page import MAX_LIMIT
from clarivum.api.parameters import parameter_model
from clarivum.api.problem import schema as problem_schema
from clarivum.api.route import Route
from clarivum.errors import DeclarationError

Mode = Literal["validation", "serialization"]
REFERENCE = "#/components/schemas/{model}"
PROBLEM = {"$ref": REFERENCE.format(model="Problem")}


class Schemas:
    """The components of one document, and references to them."""

    def __init__(self, routes: Iterable[Route]) -> None:
        wanted: dict[tuple[type[Contract], Mode], None] = {}
        pages: dict[type[Contract], None] = {}
        self.parameters: dict[str, dict[str, Any]] = {}
        self.components: dict[str, Any] = {}
        for route in routes:
            if route.body is not None:
                wanted[route.body.annotation, "validation"] = None
            if route.answer.contract is not None:
                wanted[route.answer.contract, "serialization"] = None
                if route.answer.shape == "page":
                    pages[route.answer.contract] = None
            self._add_parameters(route)
        self._references, definitions = models_json_schema(list(wanted), ref_template=REFERENCE)
        self._add(definitions.get("$defs", {}))
        for contract in pages:
            self._add({page_name(contract): self._page(contract)})
        self._add({"Problem": problem_schema()})

    def body(self, contract: type[Contract]) -> dict[str, Any]:
        return dict(self._references[contract, "validation"])

    def answer(self, route: Route) -> dict[str, Any]:
        contract = route.answer.contract
        assert contract is not None
        if route.answer.shape == "page":
            return {"$ref": REFERENCE.format(model=page_name(contract))}
        return dict(self._references[contract, "serialization"])

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema that a reference stands for."""
        while "$ref" in schema:
            schema = self.components[schema["$ref"].rpartition("/")[2]]
        return schema

    def _add_parameters(self, route: Route) -> None:
        described = parameter_model(route.signature).model_json_schema(ref_template=REFERENCE)
        self._add(described.pop("$defs", {}))
        self.parameters[route.name] = described

    def _page(self, contract: type[Contract]) -> dict[str, Any]:
        items = self._references[contract, "serialization"]
        return {
            "type": "object",
            "title": page_name(contract),
            "properties": {
                "items": {"type": "array", "items": items, "maxItems": MAX_LIMIT},
                "next": {
                    "anyOf": [{"type": "string"}, {"type": "null"}],
                    "description": "The cursor of the next page; null on the last.",
                },
            },
            "required": ["items", "next"],
            "additionalProperties": False,
        }

    def _add(self, definitions: dict[str, Any]) -> None:
        for name, definition in definitions.items():
            if self.components.setdefault(name, definition) != definition:
                raise DeclarationError(f"two different contracts are called {name}; rename one")


def page_name(contract: type[Contract]) -> str:
    return f"{contract.__name__}Page"
