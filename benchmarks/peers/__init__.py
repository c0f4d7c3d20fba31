"""The peers: each a program of its own that does the same work with other means."""
