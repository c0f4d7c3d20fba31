"""The rules, one folder a chapter, one file a rule."""
