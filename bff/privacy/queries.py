"""The statements of queries.sql, bound to the rows of contract.py."""

from bff.privacy import contract
from clarivum.database import load_queries

queries = load_queries(__file__, rows=contract)
