"""The schema as a whole: what is declared, what the migrations make, and how two databases differ."""
