"""What is planted in `applications/planted`, by rule: the text of the line, and the subject of the finding."""

MIGRATION = "supabase/migrations/20270101000000_objects.sql"
QUERIES = "planted_backend/notes/queries.sql"

UNREAD = "planted_backend/unread/queries.sql"

PLANTED: dict[str, list[tuple[str, str, str]]] = {
    "database/table-with-unsafe-grant": [(MIGRATION, "create table public.receipts", "public.receipts")],
    "database/default-grant-unsafe": [(MIGRATION, "default privileges in schema public", "default privileges public")],
    "database/view-without-invoker": [(MIGRATION, "create view public.open_view", "public.open_view")],
    "database/materialized-view-exposed": [
        (MIGRATION, "create materialized view public.shown_copy", "public.shown_copy")
    ],
    "database/definer-without-search-path": [
        (MIGRATION, "create function public.without_path", "public.without_path(uuid)"),
        (MIGRATION, "create function public.temporary_first", "public.temporary_first()"),
    ],
    "database/definer-owned-by-superuser": [(MIGRATION, "create function public.powerful", "public.powerful(uuid)")],
    "database/definer-open-to-public": [(MIGRATION, "create procedure public.anybodys", "public.anybodys()")],
    "database/function-leakproof": [(MIGRATION, "create function public.leaking", "public.leaking(text)")],
    "database/setting-cast-without-nullif": [
        (MIGRATION, "create function public.careless", "public.careless()"),
        (QUERIES, "-- name: careless_setting", "careless_setting"),
    ],
    "database/query-file-invalid": [
        (UNREAD, "where subject = =", "unparsed"),
        (UNREAD, "-- name: without_arrow", "queries.sql"),
        (UNREAD, "select 2 as two", "two"),
        (UNREAD, "where id = :id", "colon"),
        (UNREAD, "-- name: twice -> one", "twice"),
        (UNREAD, "-- name: nothing", "nothing"),
        (UNREAD, "select 'one as one", "unclosed"),
    ],
    "database/query-not-registered": [(UNREAD, "-- Loaded by nobody", "unread")],
    "database/session-state": [(MIGRATION, "create function public.lasting", "public.lasting()")] * 3,
    "database/policy-call-per-row": [(MIGRATION, "create policy tasks_led", "Team Work.Tasks.tasks_led")],
    "database/policy-without-check": [
        (MIGRATION, "create policy notes_change", "public.notes.notes_change"),
        (MIGRATION, "create policy tasks_all", "Team Work.Tasks.tasks_all"),
    ],
    "database/unique-across-tenants": [
        (MIGRATION, "create unique index notes_slug_key", "public.notes.notes_slug_key"),
        (MIGRATION, 'create table "Team Work"."Tasks"', "Team Work.Tasks.tasks_title_key"),
    ],
    "database/foreign-key-without-index": [(MIGRATION, "create table public.receipts", "public.receipts")],
    "database/index-duplicate": [
        (MIGRATION, "create index notes_subject_idx", "public.notes.notes_subject_idx"),
        (MIGRATION, "create index notes_newest_idx", "public.notes.notes_newest_idx"),
    ],
    "database/index-unused": [
        (MIGRATION, "create index notes_body_idx", "public.notes.notes_body_idx"),
        (MIGRATION, "create index events_kind_idx", "public.events.events_kind_idx"),
        (MIGRATION, "create index receipts_reply_id_idx", "public.receipts.receipts_reply_id_idx"),
    ],
}
"""Everything that the chapter database finds in it."""
