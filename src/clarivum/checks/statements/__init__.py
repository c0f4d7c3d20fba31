"""What a migration's statements do: which objects they touch, and which locks they take. Pure, read from the syntax."""

from clarivum.checks.statements.inner import statements_within, texts_unread
from clarivum.checks.statements.lock_modes import Duration, Lock, Mode
from clarivum.checks.statements.locks import joined, locks_of
from clarivum.checks.statements.standing import Names
from clarivum.checks.statements.touching import Touch, touches
from clarivum.checks.statements.wording import wording

__all__ = [
    "Duration",
    "Lock",
    "Mode",
    "Names",
    "Touch",
    "joined",
    "locks_of",
    "statements_within",
    "texts_unread",
    "touches",
    "wording",
]
