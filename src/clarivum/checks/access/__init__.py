"""The access matrix: who may do what, tried cell by cell; its page, and what changed since it was written."""

from clarivum.checks.access.matrix import AccessMatrix, Change, changes
from clarivum.checks.access.page import DOCUMENT, PAGE, matrix_document, matrix_page, write_matrix
from clarivum.checks.access.trying import try_access

__all__ = [
    "DOCUMENT",
    "PAGE",
    "AccessMatrix",
    "Change",
    "changes",
    "matrix_document",
    "matrix_page",
    "try_access",
    "write_matrix",
]
