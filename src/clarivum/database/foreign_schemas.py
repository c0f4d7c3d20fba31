"""The schemas of a database that others own: no rule judges them, no reset empties them, no declaration holds them."""

HISTORY_SCHEMA = "supabase_migrations"
"""Which migrations were applied; shared with the Supabase CLI."""

FOREIGN_SCHEMAS = (
    "_analytics",
    "_realtime",
    "_supavisor",
    "auth",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "information_schema",
    "net",
    "pg_catalog",
    "pgbouncer",
    "pgmq",
    "pgmq_public",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "realtime",
    "storage",
    "supabase_functions",
    HISTORY_SCHEMA,
    "vault",
)
"""Postgres', Supabase's (supabase/cli pkg/migration/queries/drop.sql has the like list), the queue engine's, and the
migration history."""
