"""The declared queries of this package."""

from clarivum.database import load_queries

queries = load_queries(__file__, when_used=True)
