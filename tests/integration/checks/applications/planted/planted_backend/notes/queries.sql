-- name: own_notes -> many Note
select id, slug, created_at from public.notes order by created_at desc limit %(limit)s;

-- name: own_events -> many Event
select kind, happened_on from public.events where happened_on < %(before)s::date order by happened_on desc limit %(limit)s;

-- name: careless_setting -> one Count
select coalesce(current_setting('app.count', true), '0')::integer as count;
