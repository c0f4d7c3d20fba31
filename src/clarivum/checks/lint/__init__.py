"""Linting migrations as files, before they are applied: our own judgement, squawk's, and Supabase's advisors."""
