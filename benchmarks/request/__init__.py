"""Requests: an authenticated read under row-level security, and the lead capture with its enqueue."""
