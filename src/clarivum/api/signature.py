"""What a handler asks for and what it gives back, read once from its annotations."""

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

from clarivum.api.contract import Contract
from clarivum.api.page import Keyset, Page, PageRequest
from clarivum.api.reply import Client, Reply
from clarivum.api.revision import IfMatch
from clarivum.auth import Principal
from clarivum.database import Session, Transaction
from clarivum.errors import DeclarationError

SCALARS = (str, int, float, bool, UUID, datetime, date, Decimal)


class Source(StrEnum):
    """Where a handler's parameter comes from."""

    BODY = "body"
    SESSION = "session"
    TRANSACTION = "transaction"
    PRINCIPAL = "principal"
    PAGE = "page"
    REVISION = "revision"
    CLIENT = "client"
    PATH = "path"
    QUERY = "query"


PROVIDED: dict[type, Source] = {
    Session: Source.SESSION,
    Transaction: Source.TRANSACTION,
    Principal: Source.PRINCIPAL,
    IfMatch: Source.REVISION,
    Client: Source.CLIENT,
}
"""What the platform itself hands to a handler, by type."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a handler. `annotation` keeps its constraints; `default` is `...` when it is required."""

    name: str
    source: Source
    annotation: Any
    default: Any = ...

    @property
    def required(self) -> bool:
        return self.default is ...

    @property
    def repeated(self) -> bool:
        """Whether a query parameter may be given several times."""
        return get_origin(without_none(bare(self.annotation))) is list


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns: nothing, one contract, or a page of them; `wrapped` in a Reply or bare."""

    shape: Literal["none", "one", "page"]
    contract: type[Contract] | None
    wrapped: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """A handler's parameters and answer."""

    parameters: tuple[Parameter, ...]
    answer: Answer

    def only(self, source: Source) -> Parameter | None:
        """The one parameter of a source that a handler can ask for once."""
        return next((parameter for parameter in self.parameters if parameter.source is source), None)

    def of(self, source: Source) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.source is source)


def resolve(handler: Callable[..., Any], path_names: frozenset[str]) -> Signature:
    """Read a handler. Raises DeclarationError for whatever the platform could not provide or write out."""
    if not inspect.iscoroutinefunction(handler):
        raise DeclarationError("the handler must be `async def`")
    try:
        hints = typing.get_type_hints(handler, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"annotation {error.name!r} cannot be resolved; import it at module level") from None
    parameters = tuple(
        _parameter(parameter, hints, path_names) for parameter in inspect.signature(handler).parameters.values()
    )
    _refuse_twice(parameters)
    unused = path_names - {parameter.name for parameter in parameters}
    if unused:
        raise DeclarationError(f"path parameter {{{min(unused)}}} is not a parameter of the handler")
    if "return" not in hints:
        raise DeclarationError("the return annotation is missing; it is the response's contract")
    return Signature(parameters, _answer(hints["return"]))


def _parameter(parameter: inspect.Parameter, hints: dict[str, Any], path_names: frozenset[str]) -> Parameter:
    name = parameter.name
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise DeclarationError(f"parameter {name!r} must be an ordinary named parameter")
    if name not in hints:
        raise DeclarationError(f"parameter {name!r} has no annotation")
    annotation = hints[name]
    required = parameter.default is parameter.empty
    default = ... if required else parameter.default
    source = _source(name, annotation, path_names)
    if source in (Source.PATH, Source.QUERY) and (name.startswith("_") or hasattr(Contract, name)):
        raise DeclarationError(f"parameter {name!r} cannot be read under this name; choose another one")
    if source is not Source.QUERY and not required:
        raise DeclarationError(f"parameter {name!r} comes from the {source}; it cannot have a default")
    return Parameter(name, source, annotation, default)


def _source(name: str, annotation: Any, path_names: frozenset[str]) -> Source:
    kind = bare(annotation)
    if name in path_names:
        if not _is_scalar(kind):
            raise DeclarationError(f"path parameter {name!r} must be text, a number, a UUID, a time or an enum")
        return Source.PATH
    if kind is PageRequest:
        _keyset(name, annotation)
        return Source.PAGE
    provided = PROVIDED.get(kind) if isinstance(kind, type) else None
    if provided is not None:
        return provided
    if isinstance(kind, type) and issubclass(kind, Contract):
        return Source.BODY
    item = without_none(kind)
    if _is_scalar(get_args(item)[0] if get_origin(item) is list and get_args(item) else item):
        return Source.QUERY
    raise DeclarationError(
        f"parameter {name!r}: {_shown(annotation)} is neither a Contract, a query parameter's type, nor one of "
        "Session, Transaction, Principal, PageRequest, IfMatch, Client"
    )


def _keyset(name: str, annotation: Any) -> None:
    if not any(isinstance(extra, Keyset) for extra in getattr(annotation, "__metadata__", ())):
        raise DeclarationError(
            f"parameter {name!r}: a PageRequest needs the order of its list: NewestFirst, or "
            "Annotated[PageRequest, Keyset.descending(…)]"
        )


def _refuse_twice(parameters: tuple[Parameter, ...]) -> None:
    seen: dict[Source, str] = {}
    for parameter in parameters:
        if parameter.source in (Source.PATH, Source.QUERY):
            continue
        if parameter.source in seen:
            raise DeclarationError(
                f"parameters {seen[parameter.source]!r} and {parameter.name!r} both ask for the {parameter.source}"
            )
        seen[parameter.source] = parameter.name
    if Source.SESSION in seen and Source.TRANSACTION in seen:
        raise DeclarationError("ask for a Session or a Transaction, not both")


def _answer(annotation: Any) -> Answer:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Reply or origin is Reply:
        inner = _answer(arguments[0]) if arguments else None
        if inner is None or inner.wrapped:
            raise DeclarationError("Reply needs its contract: Reply[Profile], Reply[Page[Lead]] or Reply[None]")
        return Answer(inner.shape, inner.contract, True)
    if annotation is None or annotation is types.NoneType:
        return Answer("none", None, False)
    contract = arguments[0] if origin is Page and arguments else annotation
    if isinstance(contract, type) and issubclass(contract, Contract):
        return Answer("page" if origin is Page else "one", contract, False)
    raise DeclarationError(f"the answer {_shown(annotation)} must be a Contract, Page[Contract], Reply[…] or None")


def bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def without_none(annotation: Any) -> Any:
    """`X` of `X | None`, whatever stands in Annotated around either."""
    kind = bare(annotation)
    if get_origin(kind) in (typing.Union, types.UnionType):
        kinds = [item for item in get_args(kind) if item is not types.NoneType]
        return without_none(kinds[0]) if len(kinds) == 1 else kind
    return kind


def _is_scalar(annotation: Any) -> bool:
    kind = bare(annotation)
    if get_origin(kind) is Literal:
        return all(isinstance(value, str) for value in get_args(kind))
    return isinstance(kind, type) and (kind in SCALARS or issubclass(kind, Enum))


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
