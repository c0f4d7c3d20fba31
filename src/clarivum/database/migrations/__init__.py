"""Migrations: files read and judged, the history shared with the Supabase CLI, and the push that applies them."""
