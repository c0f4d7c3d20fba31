-- author: platform
-- Sessions that ended before their time, and what must happen once across all processes of the API: a callback, a refresh.

create table clarivum.session_revocations (
    kind text not null check (kind in ('subject', 'session')),
    name text not null check (char_length(name) between 1 and 255),
    revoked_before timestamptz not null default clock_timestamp(),
    reason text not null check (reason in ('logout', 'replaced', 'refused', 'administrator')),
    expires_at timestamptz not null check (expires_at > revoked_before),
    primary key (kind, name)
);
comment on table clarivum.session_revocations is
    'owner: platform. rows: 100_000. Whose sessions and tokens ended, and when: nothing issued up to that moment is accepted.';
comment on column clarivum.session_revocations.kind is 'distinct: 2. subject: every session and token of a person. session: one session of our own login.';
comment on column clarivum.session_revocations.name is 'The subject, such as auth0|alice, or the session''s random id.';
comment on column clarivum.session_revocations.expires_at is 'When nothing issued up to revoked_before can be valid any more; then the row may go.';

create index session_revocations_revoked_before_idx on clarivum.session_revocations (revoked_before desc);
create index session_revocations_expires_at_idx on clarivum.session_revocations (expires_at);

alter table clarivum.session_revocations enable row level security;
alter table clarivum.session_revocations force row level security;
grant select, insert, update, delete on clarivum.session_revocations to clarivum_worker;
create policy session_revocations_worker on clarivum.session_revocations for all to clarivum_worker
    using (true) with check (true);

-- Every API process listens. A payload is at most 8000 bytes; a name of 255 characters is at most 1020, escaped 3060.
create function clarivum.announce_session_revocation() returns trigger
    language plpgsql security invoker set search_path = '' as
$$
begin
    perform pg_catalog.pg_notify('clarivum_session_revocations', pg_catalog.json_build_object(
        'kind', new.kind, 'name', new.name, 'revoked_before', extract(epoch from new.revoked_before)
    )::text);
    return null;
end
$$;
comment on function clarivum.announce_session_revocation() is 'After insert or update: tells every API process at once.';
revoke execute on function clarivum.announce_session_revocation() from public;

create trigger session_revocations_announce after insert or update on clarivum.session_revocations
    for each row execute function clarivum.announce_session_revocation();

create table clarivum.login_callbacks (
    digest bytea primary key check (octet_length(digest) = 32),
    expires_at timestamptz not null
);
comment on table clarivum.login_callbacks is
    'owner: platform. rows: 10_000. Callbacks of a login that were answered, so that none is answered twice. Kept as long as an attempt lives.';
comment on column clarivum.login_callbacks.digest is 'SHA-256 of the attempt''s state.';

create index login_callbacks_expires_at_idx on clarivum.login_callbacks (expires_at);

alter table clarivum.login_callbacks enable row level security;
alter table clarivum.login_callbacks force row level security;
grant select, insert, delete on clarivum.login_callbacks to clarivum_worker;
create policy login_callbacks_worker on clarivum.login_callbacks for all to clarivum_worker using (true) with check (true);

create table clarivum.session_refreshes (
    digest bytea primary key check (octet_length(digest) = 32),
    leased_until timestamptz not null,
    sealed bytea check (octet_length(sealed) <= 32768),
    refused boolean not null default false,
    expires_at timestamptz not null,
    check (not (refused and sealed is not null))
);
comment on table clarivum.session_refreshes is
    'owner: platform. rows: 10_000. Refresh tokens that were spent lately, so that requests that arrive together spend one once.';
comment on column clarivum.session_refreshes.digest is 'SHA-256 of the refresh token that was spent.';
comment on column clarivum.session_refreshes.sealed is 'The tokens that came back, encrypted with a key made from AUTH_SECRET; null while they are on their way.';
comment on column clarivum.session_refreshes.refused is 'The issuer did not take the refresh token: the session has ended.';

create index session_refreshes_expires_at_idx on clarivum.session_refreshes (expires_at);

alter table clarivum.session_refreshes enable row level security;
alter table clarivum.session_refreshes force row level security;
grant select, insert, update, delete on clarivum.session_refreshes to clarivum_worker;
create policy session_refreshes_worker on clarivum.session_refreshes for all to clarivum_worker
    using (true) with check (true);
