-- name: revoke -> one, writes
-- End every session and token of a subject, or one session, that was issued until now. Told to all API processes.
insert into clarivum.session_revocations (kind, name, reason, expires_at)
values (%(kind)s, %(name)s, %(reason)s, clock_timestamp() + make_interval(secs => %(kept_s)s::double precision))
on conflict (kind, name) do update set
    revoked_before = greatest(session_revocations.revoked_before, excluded.revoked_before), reason = excluded.reason,
    expires_at = greatest(session_revocations.expires_at, excluded.expires_at)
returning extract(epoch from revoked_before)::double precision as revoked_before;

-- name: revocation -> maybe
-- Until when what was issued to a subject, or in a session, is not accepted.
select extract(epoch from revoked_before)::double precision as revoked_before
from clarivum.session_revocations where kind = %(kind)s and name = %(name)s and expires_at > now();

-- name: revocations_since -> many
-- The newest first, at most one more than a process keeps.
select kind, name, extract(epoch from revoked_before)::double precision as revoked_before
from clarivum.session_revocations
where revoked_before > to_timestamp(%(since)s::double precision)
order by session_revocations.revoked_before desc limit %(limit)s;

-- name: forget_expired_revocations -> none
delete from clarivum.session_revocations where (kind, name) in (
    select kind, name from clarivum.session_revocations where expires_at < now()
    order by expires_at limit %(count)s for update skip locked
);
