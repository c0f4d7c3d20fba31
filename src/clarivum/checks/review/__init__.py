"""What a change means for its reviewers, found by comparing the application on both sides of it.

`comparing.py` reads, everything after it is pure: `change.py` is what the parts see, `registry.py` names the parts,
`description.py` puts them together.
"""
