"""What is translated into TypeScript, and what is refused because its verdict could differ."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    EmailStr,
    Field,
    HttpUrl,
    IPvAnyAddress,
    NaiveDatetime,
    SecretStr,
    StringConstraints,
    WrapValidator,
    field_validator,
)

from clarivum.errors import ConfigurationError
from clarivum.jobs import Payload
from clarivum.jobs.payload import PayloadError, decode
from clarivum.jobs.typescript import COMMAND, client_files, notes
from clarivum.jobs.typescript.patterns import PatternError, javascript
from tests.unit.jobs.typescript_jobs import ODD, declared


class Lax(BaseModel):
    count: int


class Guessing(Enum):
    ONE = "one"

    @classmethod
    def _missing_(cls, value: object) -> "Guessing":
        return cls.ONE


def anything(value: Any, handler: Callable[[Any], Any]) -> Any:
    return value


REFUSED = {
    "int_or_float": (int | float, "choose one"),
    "lax": (Lax, "derive it from Payload"),
    "lax_field": (Annotated[int, Field(strict=False)], "lax"),
    "bytes": (bytes, "'bytes' is not translated"),
    "bounded_date": (Annotated[date, Field(gt=date(2026, 1, 1))], "gt of a date"),
    "bounded_decimal": (Annotated[Decimal, Field(max_digits=5)], "max_digits"),
    "bounded_set": (Annotated[set[str], Field(max_length=2)], "without duplicates"),
    "huge_bound": (Annotated[int, Field(le=2**60)], "beyond 2^53"),
    "multiple": (Annotated[float, Field(multiple_of=0.1)], "tolerance"),
    "naive": (NaiveDatetime, "AwareDatetime"),
    "numbered_names": (dict[int, str], "must be str"),
    "wrapped": (Annotated[int, WrapValidator(anything)], "may accept what they refuse"),
    "secret": (SecretStr, "SecretStr is not translated"),
    "any_address": (IPvAnyAddress, "not translated"),
    "guessing": (Guessing, "_missing_"),
    "flags": (Annotated[str, StringConstraints(pattern="(?i)a")], "flags"),
    "boundary": (Annotated[str, StringConstraints(pattern=r"\ba")], "cannot be translated"),
    "renamed": (Annotated[int, Field(alias="other")], "its name in JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_equal_is_refused_with_its_field(name: str) -> None:
    kind, reason = REFUSED[name]
    payload = type("Refused", (Payload,), {"__annotations__": {"key": str, "odd": kind}})
    with pytest.raises(ConfigurationError) as refused:
        client_files({"odd.refused": declared(payload, "odd.refused")})
    assert "job odd.refused: Refused at /odd" in refused.value.detail
    assert reason in refused.value.detail


class Checked(Payload):
    key: str
    address: EmailStr
    page: HttpUrl

    @field_validator("key")
    @classmethod
    def even(cls, value: str) -> str:
        return value


def test_what_only_the_worker_checks_is_said_in_the_client_and_by_the_command() -> None:
    jobs = {"odd.checked": declared(Checked, "odd.checked")}
    told = notes(jobs)
    assert [note.partition(":")[0] for note in told] == [
        "odd.checked /key", "odd.checked /address", "odd.checked /page"
    ]  # fmt: skip
    assert all(note in client_files(jobs)["clients/typescript/src/payloads.ts"] for note in told)


def test_every_file_names_the_command_in_its_first_lines() -> None:
    for path, text in client_files(ODD).items():
        assert COMMAND in "\n".join(text.split("\n")[:2]), path


def test_two_payloads_of_one_name_are_two_interfaces() -> None:
    first, second = (type("Notify", (Payload,), {"__annotations__": {"key": kind}}) for kind in (str, int))
    jobs = {"a.notify": declared(first, "a.notify"), "b.notify": declared(second, "b.notify")}
    text = client_files(jobs)["clients/typescript/src/jobs.ts"]
    assert '"a.notify": Notify;' in text
    assert '"b.notify": BNotifyNotify;' in text


@pytest.mark.parametrize(
    ("rust", "wanted"),
    [
        (r"^a.b$", r"^a[^\n]b$"),
        (r"\d+\D", r"\p{Nd}+\P{Nd}"),
        (r"[^\s\]-]", r"[^\p{White_Space}\]-]"),
        (r"[]a]", r"[\]a]"),
        (r"(?P<year>\d)(?:x)", r"(?<year>\p{Nd})(?:x)"),
        (r"a/b\-c\_}", r"a\/b-c_\}"),
        (r"\x41\u{1F600}\pL\p{Lu}{2,3}", r"\x41\u{1F600}\p{L}\p{Lu}{2,3}"),
        (r"\Aa\z", r"^a$"),
    ],
)
def test_patterns_keep_their_meaning(rust: str, wanted: str) -> None:
    assert javascript(rust) == wanted


@pytest.mark.parametrize(
    "pattern", [r"(?i)a", r"\bword", r"[a&&b]", r"[[:alpha:]]", r"a{,3}", r"\p{Greek}", r"[\W]", "a\\"]
)
def test_patterns_without_an_equal_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        javascript(pattern)


class Whole(Payload):
    upcasts: ClassVar = {}
    key: int
    more: dict[str, Any] = {}
    at: AwareDatetime | None = None
    v4: IPv4Address | None = None


@pytest.mark.parametrize("text", ['{"key": 9007199254740992}', '{"key": 1, "more": {"__proto__": 1}}',
                                  '{"key": 1, "more": {"a": [-9007199254740992]}}'])  # fmt: skip
def test_what_javascript_cannot_hold_is_refused_by_python_too(text: str) -> None:
    with pytest.raises(PayloadError) as refused:
        decode(Whole, text)
    assert re.match("/(key|more)", refused.value.violations[0].pointer)
