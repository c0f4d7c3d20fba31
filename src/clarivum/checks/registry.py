"""All rules, named one by one: what is not in this list is not looked at."""

from clarivum.checks.rule import Rule
from clarivum.checks.rules.api import route_not_served, route_without_access, route_without_owner
from clarivum.checks.rules.application import declaration_refused
from clarivum.checks.rules.checks import waiver_expired, waiver_unused
from clarivum.checks.rules.database import (
    cross_team_migration,
    foreign_key_without_index,
    migration_fails,
    policy_call_per_row,
    policy_without_index,
    query_invalid,
    query_not_declared,
    query_not_permitted,
    query_row_mismatch,
    query_unknown_parameter,
    query_without_index,
    table_with_unsafe_grant,
    table_without_force,
    table_without_grant,
    table_without_owner,
    table_without_policy,
    table_without_rls,
)
from clarivum.checks.rules.docs import page_out_of_date
from clarivum.checks.rules.jobs import job_not_registered, job_without_key, job_without_timeout, queue_missing
from clarivum.checks.rules.telemetry import span_or_metric_missing

DECLARATION_REFUSED = declaration_refused.RULE

RULES: tuple[Rule, ...] = (
    declaration_refused.RULE,
    route_without_access.RULE,
    route_without_owner.RULE,
    route_not_served.RULE,
    migration_fails.RULE,
    cross_team_migration.RULE,
    table_without_rls.RULE,
    table_without_force.RULE,
    table_without_policy.RULE,
    table_without_owner.RULE,
    table_without_grant.RULE,
    table_with_unsafe_grant.RULE,
    policy_without_index.RULE,
    policy_call_per_row.RULE,
    foreign_key_without_index.RULE,
    query_not_declared.RULE,
    query_invalid.RULE,
    query_unknown_parameter.RULE,
    query_row_mismatch.RULE,
    query_not_permitted.RULE,
    query_without_index.RULE,
    job_without_key.RULE,
    job_without_timeout.RULE,
    job_not_registered.RULE,
    queue_missing.RULE,
    span_or_metric_missing.RULE,
    page_out_of_date.RULE,
    # Last: what they say depends on which findings the others' waivers were used for.
    waiver_expired.RULE,
    waiver_unused.RULE,
)
