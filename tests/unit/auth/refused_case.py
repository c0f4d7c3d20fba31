"""A token that must not get in: its name, how it is made of the issuer's key and a stranger's, why it is refused."""

from collections.abc import Callable

from clarivum.auth import Reason
from tests.unit.auth.forge import Forge

Make = Callable[[Forge, Forge], str]
Case = tuple[str, Make, Reason]
