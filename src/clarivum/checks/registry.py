"""All rules, named one by one: what is not in this list is not looked at."""

from clarivum.checks.rule import Rule
from clarivum.checks.rules.api import route_not_served, route_without_access, route_without_owner
from clarivum.checks.rules.application import declaration_refused
from clarivum.checks.rules.checks import waiver_expired, waiver_unused
from clarivum.checks.rules.database import (
    cross_team_migration,
    default_grant_unsafe,
    definer_open_to_public,
    definer_owned_by_superuser,
    definer_without_search_path,
    foreign_key_without_index,
    function_leakproof,
    index_duplicate,
    index_unused,
    materialized_view_exposed,
    migration_fails,
    policy_call_per_row,
    policy_without_check,
    policy_without_index,
    query_invalid,
    query_not_declared,
    query_not_permitted,
    query_row_mismatch,
    query_unknown_parameter,
    query_without_index,
    session_state,
    setting_cast_without_nullif,
    table_with_unsafe_grant,
    table_without_force,
    table_without_grant,
    table_without_owner,
    table_without_policy,
    table_without_rls,
    unique_across_tenants,
    view_without_invoker,
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
    default_grant_unsafe.RULE,
    view_without_invoker.RULE,
    materialized_view_exposed.RULE,
    definer_without_search_path.RULE,
    definer_owned_by_superuser.RULE,
    definer_open_to_public.RULE,
    function_leakproof.RULE,
    setting_cast_without_nullif.RULE,
    session_state.RULE,
    policy_without_index.RULE,
    policy_call_per_row.RULE,
    policy_without_check.RULE,
    unique_across_tenants.RULE,
    foreign_key_without_index.RULE,
    index_duplicate.RULE,
    query_not_declared.RULE,
    query_invalid.RULE,
    query_unknown_parameter.RULE,
    query_row_mismatch.RULE,
    query_not_permitted.RULE,
    query_without_index.RULE,
    index_unused.RULE,
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
