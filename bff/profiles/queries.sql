-- name: own_profile -> maybe Profile
-- The caller's profile; the policy lets no other row through.
select id, email, display_name, locale, marketing_opt_in, created_at, updated_at, revision
from public.profiles
where deleted_at is null;

-- name: create_profile -> maybe Profile
-- The first sight of a member. Nothing comes back when another request was faster.
insert into public.profiles (subject, email)
values (clarivum.subject(), %(email)s)
on conflict (subject) do nothing
returning id, email, display_name, locale, marketing_opt_in, created_at, updated_at, revision;

-- name: change_profile -> maybe Profile
-- Change what was sent, if the revision is still the one the caller read.
update public.profiles set
    display_name = case when %(rename)s::boolean then %(display_name)s::text else display_name end,
    locale = coalesce(%(locale)s::text, locale),
    marketing_opt_in = coalesce(%(marketing_opt_in)s::boolean, marketing_opt_in)
where deleted_at is null and revision = %(revision)s
returning id, email, display_name, locale, marketing_opt_in, created_at, updated_at, revision;
