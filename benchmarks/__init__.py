"""Measurements side by side with peers, in one run: `./clarivum bench request` and `./clarivum bench jobs`."""
