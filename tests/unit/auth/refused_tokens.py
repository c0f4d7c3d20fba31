"""The table of tokens that must not get in: name → (how it is made, why it is refused).

Every case is signed by the issuer's real key unless it is about signatures, so that the named rule alone refuses it.
"""

from clarivum.auth import Reason
from tests.unit.auth.refused_case import Make
from tests.unit.auth.refused_claims import claims_refused, documents_refused, times_refused
from tests.unit.auth.refused_headers import brought_along_refused, headers_refused, shapes_refused
from tests.unit.auth.refused_signatures import algorithms_refused, signatures_refused

KINDS = (
    shapes_refused,
    headers_refused,
    brought_along_refused,
    algorithms_refused,
    signatures_refused,
    documents_refused,
    claims_refused,
    times_refused,
)


def _all() -> dict[str, tuple[Make, Reason]]:
    cases: dict[str, tuple[Make, Reason]] = {}
    for kind in KINDS:
        for name, make, reason in kind():
            assert name not in cases, name
            cases[name] = (make, reason)
    return cases


REFUSED_TOKENS = _all()
