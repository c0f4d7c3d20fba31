-- Profiles: what a member tells us about themselves. Created from the token at first sight.
create table public.profiles (
    id uuid primary key default gen_random_uuid(),
    subject text not null check (char_length(subject) between 1 and 255),
    email text check (char_length(email) between 3 and 320),
    display_name text check (char_length(display_name) between 1 and 120),
    locale text not null default 'en' check (locale ~ '^[a-z]{2}(-[A-Z]{2})?$'),
    marketing_opt_in boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    revision integer not null default 1,
    deleted_at timestamptz
);

comment on table public.profiles is 'owner: membership. What a member tells us about themselves, one row per Auth0 subject.';

create trigger profiles_touch before update on public.profiles
    for each row execute function clarivum.touch();

-- Total, not partial: an erased member's subject must not come back as a second profile.
create unique index profiles_subject_key on public.profiles (subject);

alter table public.profiles enable row level security;
alter table public.profiles force row level security;

-- The address decides which leads go into a member's file: it is the caller's verified one, and no member changes it.
grant select on public.profiles to authenticated;
grant insert (subject, email) on public.profiles to authenticated;
grant update (display_name, locale, marketing_opt_in) on public.profiles to authenticated;

create policy profiles_own_read on public.profiles for select to authenticated
    using (subject = (select clarivum.subject()) and deleted_at is null);
create policy profiles_own_add on public.profiles for insert to authenticated
    with check (
        subject = (select clarivum.subject()) and deleted_at is null
        and (email is null or email = (select clarivum.claims() ->> 'email'))
    );
create policy profiles_own_change on public.profiles for update to authenticated
    using (subject = (select clarivum.subject()) and deleted_at is null)
    with check (subject = (select clarivum.subject()) and deleted_at is null);
