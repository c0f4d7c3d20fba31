"""What an endpoint takes from an ASGI request."""

from clarivum.api.response import Receive, Scope
from clarivum.errors import BODY_TOO_LARGE, MALFORMED_REQUEST, UNSUPPORTED_MEDIA_TYPE, RequestError

Headers = dict[bytes, bytes]


class ClientGoneError(Exception):
    """The connection ended before the request did."""


def headers_of(scope: Scope) -> Headers:
    """Headers by lower-case name; several of one name are joined by a comma (RFC 9110, 5.3).

    Several Cookie headers, as HTTP/2 and some proxies have them, are joined by a semicolon (RFC 9113, 8.2.3).
    """
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            separator = b"; " if name == b"cookie" else b", "
            headers[name] = headers[name] + separator + value if name in headers else value
    return headers


async def body_of(receive: Receive, headers: Headers, max_bytes: int) -> bytes:
    """The whole body. Raises RequestError 413 as soon as it is known to be larger than `max_bytes`."""
    declared = headers.get(b"content-length", b"")
    if declared and (not declared.isdigit() or len(declared) > 18):
        raise RequestError("Content-Length must be one number.", code=MALFORMED_REQUEST)
    if declared and int(declared) > max_bytes:
        raise too_large(max_bytes)
    message = await receive()
    body: bytes = message.get("body", b"")
    size, parts = len(body), [body]
    while message.get("more_body", False) and size <= max_bytes:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > max_bytes:
        raise too_large(max_bytes)
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return b"".join(parts) if len(parts) > 1 else body


def too_large(max_bytes: int) -> RequestError:
    return RequestError(f"The body is larger than {max_bytes} bytes.", code=BODY_TOO_LARGE)


def require_json(headers: Headers) -> None:
    """Raise the 415 for anything that does not say it is JSON in UTF-8, as it is."""
    media_type = headers.get(b"content-type", b"")
    if media_type != b"application/json" and not _is_json(media_type):
        raise RequestError("The body must be application/json, in UTF-8.", code=UNSUPPORTED_MEDIA_TYPE)
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise RequestError("The body must not be encoded.", code=UNSUPPORTED_MEDIA_TYPE)


def _is_json(media_type: bytes) -> bool:
    kind, *parameters = (part.strip().lower() for part in media_type.split(b";"))
    return kind == b"application/json" and all(
        parameter in (b"", b"charset=utf-8", b'charset="utf-8"') for parameter in parameters
    )
