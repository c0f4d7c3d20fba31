"""What a finished run leaves behind: a small typed value, kept in the transaction that finishes the run."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError, PydanticSerializationError

from clarivum.jobs.failure import TerminalError
from clarivum.jobs.payload import unstorable, violations_of

MAX_RESULT_BYTES = 16 * 1024


class Result(BaseModel):
    """Base of what a handler returns. Strict and immutable like a Payload, at most MAX_RESULT_BYTES as JSON.

    No personal data: results outlive the request, and operators may read them.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        ser_json_timedelta="iso8601",
    )

    @model_validator(mode="after")
    def _storable(self) -> Self:
        for path, reason in unstorable(self.__dict__, ""):
            raise PydanticCustomError("unstorable", "{path}: {reason}", {"path": path, "reason": reason})
        return self


class ResultError(TerminalError):
    """A handler returned what its declaration does not promise. Another attempt would as well: a dead letter."""


def encode_result(kind: type[Result], value: object) -> bytes:
    """The value as JSON. Raises ResultError when it is no `kind`, does not fit it, or is too large."""
    if type(value) is not kind:
        raise ResultError(f"the handler returned {type(value).__name__}, it is declared to return {kind.__name__}")
    try:
        data = kind.__pydantic_serializer__.to_json(value, warnings="none")
        kind.__pydantic_validator__.validate_json(data)
    except ValidationError as error:
        places = ", ".join(violation.pointer or "/" for violation in violations_of(error))
        raise ResultError(f"the handler's {kind.__name__} does not fit its own type: {places}") from None
    except (PydanticSerializationError, ValueError) as error:
        raise ResultError(f"the handler's {kind.__name__} cannot be written as JSON: {type(error).__name__}") from None
    if len(data) > MAX_RESULT_BYTES:
        raise ResultError(f"the handler's {kind.__name__} is {len(data)} bytes as JSON, at most {MAX_RESULT_BYTES} fit")
    return data
