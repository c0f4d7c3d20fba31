"""The statements of queries.sql: answers kept by Idempotency-Key, and the keys that all processes share."""

from clarivum.database import load_queries

queries = load_queries(__file__)
