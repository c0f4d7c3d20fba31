-- name: applied_versions -> many
-- Migrations that the history table knows, ours and the Supabase CLI's alike.
select version from supabase_migrations.schema_migrations;
