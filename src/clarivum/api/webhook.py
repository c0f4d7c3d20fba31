"""Webhooks: routes whose caller is proven by a signature over the body. Stripe's scheme.

The format: https://docs.stripe.com/webhooks#verify-manually. `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]…`, each
v1 an HMAC-SHA256 over `<t>.<body>`; there are several while a secret is being rotated. Pure.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from clarivum.errors import INVALID_SIGNATURE, UNAVAILABLE, RequestError

TOLERANCE_S = 300
"""How far the time of a signature may lie in the past, and ahead; a repetition is refused after that."""
MAX_HEADER_CHARACTERS = 4_096
MAX_SIGNATURES = 16
ITEM = re.compile(rb"([a-z][a-z0-9]*)=([\x21-\x2b\x2d-\x7e]+)")
TIME = re.compile(rb"[0-9]{1,12}")
DETAIL = "The signature of this request was not accepted."


@dataclass(frozen=True, slots=True)
class WebhookSignature:
    """What a webhook must carry. `variable` is the setting that holds the secrets, separated by commas."""

    variable: str
    header: str
    tolerance_s: int = TOLERANCE_S

    def check(self, header: bytes | None, body: bytes, secrets: Sequence[str], now: float) -> None:
        """Accept `body` if one of `secrets` signed it within the tolerance of `now`, in seconds since the epoch.

        Raises RequestError: `invalid_signature` (400), whose reason is for the log only, or `unavailable` (503) when no
        secret is set.
        """
        time, signatures = _parts(header)
        usable = [secret for secret in secrets if secret]
        if not usable:
            raise RequestError(
                "This webhook is not set up.", code=UNAVAILABLE, log=f"{self.variable} is not set; nothing is accepted"
            )
        signed = b"%b.%b" % (time, body)
        if not any(_signed_by(secret, signed, signatures) for secret in usable):
            raise _refused("no signature is one of ours over this body")
        age_s = int(now) - int(time)
        if abs(age_s) > self.tolerance_s:
            raise _refused(f"signed {abs(age_s)} s {'ago' if age_s > 0 else 'ahead'}, at most {self.tolerance_s}")


def stripe_signature(variable: str, *, tolerance_s: int = TOLERANCE_S) -> WebhookSignature:
    """Stripe's signature, with the secrets (`whsec_…`) in the setting `variable`, separated by commas."""
    return WebhookSignature(variable, "Stripe-Signature", tolerance_s)


def listed_secrets(text: str) -> tuple[str, ...]:
    """The secrets of a setting: one, or several separated by commas while they are rotated."""
    return tuple(secret for part in text.split(",") if (secret := part.strip()))


def _parts(header: bytes | None) -> tuple[bytes, list[bytes]]:
    """The time and the v1 signatures. Other schemes, such as the v0 of test events, count for nothing."""
    if header is None:
        raise _refused("there is no signature header")
    if len(header) > MAX_HEADER_CHARACTERS:
        raise _refused(f"the header is longer than {MAX_HEADER_CHARACTERS} characters")
    items = [ITEM.fullmatch(part) for part in header.split(b",")]
    if not all(items):
        raise _refused("the header is malformed")
    times = _values(items, b"t")
    if len(times) != 1 or not TIME.fullmatch(times[0]):
        raise _refused(f"the header holds {len(times)} times, or one that is no number; one is expected")
    signatures = _values(items, b"v1")
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise _refused(
            f"the header holds {len(signatures)} signatures of scheme v1; 1 to {MAX_SIGNATURES} are expected"
        )
    return times[0], signatures


def _values(items: Iterable[re.Match[bytes] | None], key: bytes) -> list[bytes]:
    return [item[2] for item in items if item is not None and item[1] == key]


def _signed_by(secret: str, signed: bytes, signatures: Iterable[bytes]) -> bool:
    """Compares with every signature, in constant time."""
    expected = _digest(secret, signed).encode("ascii")
    return any([hmac.compare_digest(expected, signature) for signature in signatures])  # noqa: C419 - no early end


def _digest(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode("utf-8"), signed, sha256).hexdigest()


def _refused(reason: str) -> RequestError:
    return RequestError(DETAIL, code=INVALID_SIGNATURE, log=reason)
