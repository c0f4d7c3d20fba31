"""The parts of a description, in the order in which a reviewer reads them. A chapter with more to say adds its own."""

from clarivum.checks.review.part import Part
from clarivum.checks.review.parts import (
    access,
    contract,
    decisions,
    deployment,
    gaps,
    jobs,
    locks,
    queries,
    reviewers,
    schema,
    telemetry,
)

PARTS: tuple[Part, ...] = (
    schema.PART,
    locks.PART,
    queries.PART,
    access.PART,
    contract.PART,
    jobs.PART,
    telemetry.PART,
    deployment.PART,
    decisions.PART,
    gaps.PART,
    reviewers.PART,
)
