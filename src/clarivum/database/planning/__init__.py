"""Queries planned at production size, on empty tables; and what a database's catalog says of its tables.

For checks and commands only: no server imports this.
"""

from clarivum.database.planning.catalog import Catalog, Column, Index, Policy, Table
from clarivum.database.planning.catalog_reading import read_catalog
from clarivum.database.planning.describe import Description, ResultColumn
from clarivum.database.planning.explain import Node, tree
from clarivum.database.planning.objects import Expression, Function, Objects, View
from clarivum.database.planning.planner import Planned, Planner, Verdict
from clarivum.database.planning.proposal import Proposal
from clarivum.database.planning.reading import Reading
from clarivum.database.planning.scratch import Scratch
from clarivum.database.planning.weakness import Cause, Weakness

__all__ = [
    "Catalog",
    "Cause",
    "Column",
    "Description",
    "Expression",
    "Function",
    "Index",
    "Node",
    "Objects",
    "Planned",
    "Planner",
    "Policy",
    "Proposal",
    "Reading",
    "ResultColumn",
    "Scratch",
    "Table",
    "Verdict",
    "View",
    "Weakness",
    "read_catalog",
    "tree",
]
