"""An application that breaks one rule at each turn, and keeps it at the next."""
