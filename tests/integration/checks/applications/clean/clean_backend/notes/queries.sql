-- name: own_notes -> many Note
-- The caller's notes, newest first; whose they are is the policy's business.
select id, topic, body, status, created_at
from public.notes
where deleted_at is null and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: add_note -> one Note
insert into public.notes (subject, topic, body) values (auth.jwt() ->> 'sub', %(topic)s, %(body)s)
returning id, topic, body, status, created_at;

-- name: all_topics -> many Topic
-- A small table, read as a whole: its comment declares 200 rows.
select name, about from public.topics order by name;

-- name: mark_done -> none
update public.notes set status = 'done' where id = %(note_id)s;
