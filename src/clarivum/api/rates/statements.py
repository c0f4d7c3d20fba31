"""The statements of queries.sql: rates that all processes share."""

from clarivum.database import load_queries

queries = load_queries(__file__)
