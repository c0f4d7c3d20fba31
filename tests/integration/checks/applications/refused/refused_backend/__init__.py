"""An application whose declarations the platform refuses, several of them at once."""
