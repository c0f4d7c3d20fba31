"""The Cookie header, read as RFC 6265 section 5.4 has browsers write it, and leniently where they are lenient."""

Cookie = tuple[str, str]
"""A name and its value, both as they were sent."""


def parse_cookies(header: bytes) -> list[Cookie]:
    """The cookies of a Cookie header, in its order, several of one name included. Raises nothing.

    A part without `=` is a value without a name, which no server asked for, and is left out. One pair of double quotes
    around a value is taken off, as every cookie library does; nothing is percent-decoded. Bytes are read as Latin-1.
    """
    cookies = []
    for part in header.decode("latin-1").split(";"):
        name, equals, value = part.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not equals or not name:
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        cookies.append((name, value))
    return cookies


def set_cookie(name: str, value: str, *, max_age_s: int | None, secure: bool, http_only: bool = True) -> str:
    """A Set-Cookie header's value. No `max_age_s`: until the browser closes; 0 deletes.

    `name` and `value` are the caller's to keep free of `;`, spaces and control characters.
    """
    attributes = ["Path=/"]
    if max_age_s is not None:
        attributes.append(f"Max-Age={max_age_s}")
    if http_only:
        attributes.append("HttpOnly")
    attributes.append("SameSite=Lax")
    if secure:
        attributes.append("Secure")
    return "; ".join((f"{name}={value}", *attributes))
