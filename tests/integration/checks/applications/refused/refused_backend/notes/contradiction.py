"""A declaration that no rule of its own explains."""

from clarivum.api import authenticated, get


@get("/api/v1/trailing/", access=authenticated())
async def trailing_slash() -> None:
    """A path with a trailing slash is refused."""
