"""The statements of queries.sql."""

from clarivum.database import load_queries
from planted_backend.notes import contract

queries = load_queries(__file__, rows=contract)
