-- What a trial must cope with: one table for each.
create type public.stage as enum ('draft', 'published');
create domain public.slug as text check (value ~ '^[a-z]+(-[a-z]+)*$');

create table public.articles (
    id uuid primary key default gen_random_uuid(),
    subject text not null,
    slug public.slug not null,
    stage public.stage not null default 'draft',
    pinned boolean not null default false,
    words integer not null check (words between 100 and 200),
    body text not null check (char_length(body) >= 40),
    digest bytea not null check (octet_length(digest) = 32),
    opens_at timestamptz not null,
    closes_at timestamptz not null check (closes_at > opens_at),
    unique (subject, slug)
);
grant select, insert, update, delete on public.articles to authenticated;
create policy articles_own on public.articles to authenticated
    using (subject = (select clarivum.subject())) with check (subject = (select clarivum.subject()));
create policy articles_published on public.articles for select to authenticated using (stage = 'published' or pinned);
create policy articles_never on public.articles for select to authenticated using (subject = 'nobody');

create table public.comments (
    id bigint generated always as identity primary key,
    article_id uuid not null references public.articles (id),
    parent_id bigint references public.comments (id),
    text text not null
);
grant select (id, text), insert (article_id, text), update (text) on public.comments to authenticated;
create policy comments_of_own_articles on public.comments to authenticated
    using (exists (select from public.articles a where a.id = article_id and a.subject = (select clarivum.subject())));

create table public.handover (id uuid primary key default gen_random_uuid(), owner_id text not null);
grant select, update on public.handover to authenticated;
create policy handover_read on public.handover for select to authenticated using (owner_id = (select clarivum.subject()));
create policy handover_change on public.handover for update to authenticated
    using (owner_id = (select clarivum.subject())) with check (true);

create table public.journal (id bigint primary key, entry text not null);
grant select, insert, update, delete on public.journal to clarivum_staff;
create policy journal_staff on public.journal to clarivum_staff using (true) with check (true);
create policy journal_admins on public.journal as restrictive to clarivum_staff
    using ((select clarivum.has_role('admin'))) with check ((select clarivum.has_role('admin')));
create function public.keep_journal() returns trigger language plpgsql set search_path = '' as
$$ begin raise exception 'the journal is append-only' using errcode = 'restrict_violation'; end $$;
create trigger journal_keep before update or delete on public.journal for each row execute function public.keep_journal();

create table public.settings (single boolean primary key default true check (single), motto text not null default '');
grant select on public.settings to anon;
create policy settings_read on public.settings for select to anon using (true);

create table public.casting (id uuid primary key, user_uuid uuid not null);
grant select on public.casting to authenticated;
create policy casting_read on public.casting for select to authenticated using (user_uuid = (select auth.uid()));

create table public.impossible (id bigint primary key, code text not null check (code ~ '^[A-Z]{3}-[0-9]{4}$'));
grant select on public.impossible to authenticated;
create policy impossible_read on public.impossible for select to authenticated using (true);

create table public.open_wide (id bigint primary key);
grant select, delete, truncate on public.open_wide to anon;

create table public.teams (id uuid primary key default gen_random_uuid(), country char(2) not null, code varchar(3) not null);
create table public.team_members (team uuid not null references public.teams (id), subject text not null, primary key (team, subject));
create table public.plans (id uuid primary key default gen_random_uuid(), team uuid not null, title text not null);
grant select on public.plans to authenticated;
grant select on public.team_members to authenticated;
create policy team_members_all on public.team_members for select to authenticated using (true);
create policy plans_of_own_teams on public.plans for select to authenticated
    using (team in (select tm.team from public.team_members tm where tm.subject = (select clarivum.subject())));

create table public.readings (
    id bigint generated always as identity, taken_at timestamptz not null, subject text not null, primary key (id, taken_at)
) partition by range (taken_at);
create table public.readings_2020 partition of public.readings for values from ('2020-01-01') to ('2021-01-01');
grant select, insert on public.readings to authenticated;
create policy readings_own on public.readings to authenticated
    using (subject = (select clarivum.subject())) with check (subject = (select clarivum.subject()));

create table public.defaulted (id uuid primary key default gen_random_uuid(), subject text not null default clarivum.subject(), body text not null);
grant insert (body) on public.defaulted to authenticated;
create policy defaulted_add on public.defaulted for insert to authenticated with check (subject = (select clarivum.subject()));

create table public.nothing ();
grant select on public.nothing to anon;
create materialized view public.counted as select count(*) as articles from public.articles;
grant select on public.counted to anon;

create table public."Odd Name" (id int primary key, "Owner" text not null, "two words" bit(3) not null, span int4range not null);
grant select, update on public."Odd Name" to authenticated;
create policy "odd; policy" on public."Odd Name" to authenticated using ("Owner" = (select clarivum.subject()));

create table public.letters (id uuid primary key default gen_random_uuid(), subject text not null, email text not null);
grant update (email) on public.letters to authenticated;
create policy letters_own_change on public.letters for update to authenticated
    using (subject = (select clarivum.subject()))
    with check (subject = (select clarivum.subject()) and email = (select clarivum.claims() ->> 'email'));

do $$
declare t regclass;
begin
    foreach t in array array[
        'articles', 'comments', 'handover', 'journal', 'settings', 'casting', 'impossible', 'team_members', 'plans', 'readings',
        'defaulted', '"Odd Name"', 'letters'
    ]::regclass[] loop
        execute format('alter table %s enable row level security', t);
        execute format('alter table %s force row level security', t);
    end loop;
end
$$;
