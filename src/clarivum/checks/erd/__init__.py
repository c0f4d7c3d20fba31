"""The entity-relationship diagram and the list of tables in docs/architecture.md, made from the scratch database.

`./clarivum db erd` writes them, the rule database/erd-out-of-date compares them.
"""

from clarivum.checks.erd.page import COMMAND, PAGE, erd_page, erd_parts

__all__ = ["COMMAND", "PAGE", "erd_page", "erd_parts"]
