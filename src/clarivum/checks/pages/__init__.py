"""Pages of the documentation that are made from the code; `clarivum docs` writes them, a rule refuses drift."""
