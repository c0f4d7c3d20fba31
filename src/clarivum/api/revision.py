"""Optimistic concurrency: the revision a caller last saw, sent in If-Match."""

import re
from dataclasses import dataclass

from clarivum.errors import MALFORMED_REQUEST, REVISION_REQUIRED, REVISION_STALE, RequestError

ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
MAX_REVISION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class IfMatch:
    """A handler parameter: the revision that the caller's change is based on (answered as ETag `"<revision>"`)."""

    number: int

    def require(self, current: int) -> None:
        """Raise the 412 unless the caller has seen the revision that is current."""
        if self.number != current:
            raise self.stale()

    def stale(self) -> RequestError:
        """The 412 to raise when an update guarded by `number` touched no row."""
        return RequestError(
            "What is stored has changed since the revision named in If-Match was read.", code=REVISION_STALE
        )


def entity_tag(revision: int) -> str:
    return f'"{revision}"'


def parse_if_match(header: str | None) -> IfMatch:
    """Read one strong entity tag that we issued.

    Raises RequestError: 428 without the header or for `*` (it names no revision), 400 when it is no entity tag, 412
    for a tag that was never ours; weak tags never match (RFC 9110, 13.1.1).
    """
    if header is None or header.strip() == "*":
        raise RequestError("Name the revision that this change is based on in If-Match.", code=REVISION_REQUIRED)
    match = ENTITY_TAG.fullmatch(header.strip())
    if match is None:
        raise RequestError('If-Match must hold one entity tag, like "3".', code=MALFORMED_REQUEST)
    weak, tag = match.groups()
    if weak or not re.fullmatch(r"[1-9]\d{0,9}", tag) or int(tag) > MAX_REVISION:
        raise IfMatch(0).stale()
    return IfMatch(int(tag))
