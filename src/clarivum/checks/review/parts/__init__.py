"""The parts of a description, one subject a file; `clarivum.checks.review.registry` names them."""
