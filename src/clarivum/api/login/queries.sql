-- name: take_callback -> maybe, writes
-- A row for whoever answers this callback first; none for a replay.
insert into clarivum.login_callbacks (digest, expires_at)
values (%(digest)s::bytea, now() + make_interval(secs => %(kept_s)s::double precision))
on conflict (digest) do nothing returning true as taken;

-- name: forget_expired_callbacks -> none
-- Without FOR UPDATE, which wants a privilege that nothing else here needs; two that meet wait for each other.
delete from clarivum.login_callbacks where digest = any(array(
    select digest from clarivum.login_callbacks where expires_at < now()
    order by expires_at limit %(count)s
));

-- name: lease_refresh -> maybe, writes
-- A row for whoever may spend this refresh token now; none when it was spent, or is being spent.
insert into clarivum.session_refreshes (digest, leased_until, expires_at)
values (
    %(digest)s::bytea, now() + make_interval(secs => %(lease_s)s::double precision),
    now() + make_interval(secs => %(kept_s)s::double precision)
)
on conflict (digest) do update set
    leased_until = excluded.leased_until, expires_at = excluded.expires_at, sealed = null, refused = false
where session_refreshes.expires_at < now() or (
    session_refreshes.sealed is null and not session_refreshes.refused and session_refreshes.leased_until < now()
)
returning true as leased;

-- name: refreshed -> maybe
-- What became of a refresh token: the sealed tokens that came back, a refusal, or neither yet.
select sealed, refused from clarivum.session_refreshes where digest = %(digest)s::bytea and expires_at > now();

-- name: keep_refresh -> none
update clarivum.session_refreshes set sealed = %(sealed)s::bytea, refused = %(refused)s where digest = %(digest)s::bytea;

-- name: release_refresh -> none
-- The issuer did not answer: the next request may try.
delete from clarivum.session_refreshes
where digest = %(digest)s::bytea and sealed is null and not refused;

-- name: forget_expired_refreshes -> none
delete from clarivum.session_refreshes where digest = any(array(
    select digest from clarivum.session_refreshes where expires_at < now()
    order by expires_at limit %(count)s for update skip locked
));
