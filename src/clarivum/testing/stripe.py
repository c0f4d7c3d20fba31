"""What Stripe sends with an event, made by ourselves."""

import hmac
from hashlib import sha256


def stripe_header(body: bytes, secret: str, at: int) -> str:
    """The header `Stripe-Signature` for `body` at that time, in seconds since the epoch."""
    signature = hmac.new(secret.encode("utf-8"), b"%d.%b" % (at, body), sha256).hexdigest()
    return f"t={at},v1={signature}"
