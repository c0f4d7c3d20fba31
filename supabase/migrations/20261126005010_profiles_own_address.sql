-- author: membership
-- The profile's address decides which leads go into a member's file: it is the caller's verified one, and no member changes it.
alter policy profiles_own_add on public.profiles
    with check (
        subject = (select clarivum.subject()) and deleted_at is null
        and (email is null or email = (select clarivum.claims() ->> 'email'))
    );
revoke insert, update on public.profiles from authenticated;
grant insert (subject, email) on public.profiles to authenticated;
grant update (display_name, locale, marketing_opt_in) on public.profiles to authenticated;
