"""Clarivum's own backend: one folder per feature, put together in `app.py`."""
