"""From what a handler returns to what goes out: its declared contract, written as JSON."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter

from clarivum.api.contract import Contract
from clarivum.api.flat import is_flat, write_flat
from clarivum.api.page import Page
from clarivum.api.reply import Reply
from clarivum.api.response import JSON_HEAD, Response, base_head, header_lines
from clarivum.api.revision import entity_tag
from clarivum.api.route import Route
from clarivum.api.signature import Answer


class Renderer:
    """Writes the answers of one route. What does not fit the declaration raises: the caller gets a 500, no leak."""

    def __init__(self, route: Route) -> None:
        self._status = route.status
        self._body = {"none": _nothing, "one": _one, "page": _page}[route.answer.shape](route.answer)

    def render(self, result: Any) -> Response:
        """Raises TypeError or pydantic's ValidationError when `result` is not what the route declares."""
        if type(result) is not Reply:
            return Response(self._status, JSON_HEAD if self._status != 204 else base_head(204), self._body(result))
        status = result.status or self._status
        head = base_head(status)
        if result.revision is not None:
            head += b"etag: %b\r\n" % entity_tag(result.revision).encode("ascii")
        if result.headers:
            head += header_lines(result.headers)
        return Response(status, head, self._body(result.value))


def _nothing(answer: Answer) -> Any:
    def write_nothing(value: Any) -> bytes:
        if value is not None:
            raise TypeError(f"declared to answer nothing, returned {type(value).__name__}")
        return b""

    return write_nothing


def _one(answer: Answer) -> Any:
    contract = answer.contract
    assert contract is not None
    to_json = contract.__pydantic_serializer__.to_json

    def write_one(value: Any) -> bytes:
        return to_json(value if type(value) is contract else _fitted(contract, value))

    return write_one


def _page(answer: Answer) -> Any:
    contract = answer.contract
    assert contract is not None
    write_items = _items_writer(contract)

    def write_page(page: Any) -> bytes:
        if type(page) is not Page:
            raise TypeError(f"declared to answer a Page, returned {type(page).__name__}")
        items: Sequence[Contract] = page.items
        for item in items:
            if type(item) is not contract:
                items = [one if type(one) is contract else _fitted(contract, one) for one in items]
                break
        following = b'"%b"' % page.next.encode("ascii") if page.next else b"null"
        return b'{"items":%b,"next":%b}' % (write_items(items), following)

    return write_page


def _items_writer(contract: type[Contract]) -> Callable[[Sequence[Contract]], bytes]:
    to_json = TypeAdapter(list[contract]).serializer.to_json  # type: ignore[valid-type]
    if not is_flat(contract):
        return to_json

    def write_items(items: Sequence[Contract]) -> bytes:
        try:
            return write_flat(items)
        except orjson.JSONEncodeError:
            return to_json(items)

    return write_items


def _fitted(contract: type[Contract], value: Any) -> Contract:
    """A row without a class of its own becomes the contract; an instance of another class does not."""
    if not isinstance(value, dict):
        raise TypeError(f"declared to answer {contract.__name__}, returned {type(value).__name__}")
    return contract.model_validate(value)
