"""What the rules on views, functions, expressions and indexes must find."""
