"""The SQL of a login: what must happen once across all processes, a callback and the spending of a refresh token."""

from clarivum.database import load_queries

queries = load_queries(__file__)
