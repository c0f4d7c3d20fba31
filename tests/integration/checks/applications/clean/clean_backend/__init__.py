"""A small application that breaks no rule."""
