-- name: own_fine -> many Fine
select id, source, body, created_at from public.fine order by created_at desc limit %(limit)s;

-- name: fine_by_source -> many Fine
select id, source, body, created_at from public.fine
where source = %(source)s
order by created_at desc
limit %(limit)s;

-- name: add_fine -> one Fine
insert into public.fine (subject, source) values (%(subject)s, %(source)s)
returning id, source, body, created_at;

-- name: misspelt -> many
select id, sauce from public.fine;

-- name: unfit -> many Unfit
select id, body, source from public.fine where id = %(id)s;

-- name: fitting -> many Fine
select id, source, body, created_at from public.fine where id = %(id)s;

-- name: not_permitted -> many
select id from public.without_grant where id = %(id)s;
