-- Loaded by nobody: every fault a query file can have, and between them what is right.

-- name: fine -> many Whatever
select 1 as one;

-- name: twice -> many
select 1 as one;

-- name: unparsed -> many
select id
from public.notes form
where subject = = 'x';

-- name: without_arrow
select 1 as one;

-- name: two -> many
select 1 as one;
select 2 as two;

-- name: colon -> many
select id from public.notes where id = :id;

-- name: twice -> one
select 2 as two;

-- name: nothing -> many
-- Not a statement.

-- name: unclosed -> many
select 'one as one;
