-- Whose this is, nobody says.
comment on column public.fine.body is 'Text.';
