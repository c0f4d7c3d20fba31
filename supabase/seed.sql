-- Development data. Safe to run again: every row has a fixed id.
insert into public.entitlements (id, subject, product, status, source, starts_at, created_at) values
    ('00000000-0000-4000-8000-000000000001', 'auth0|alice', 'insights', 'active', 'seed', '2026-01-05T09:00:00Z', '2026-01-05T09:00:00Z'),
    ('00000000-0000-4000-8000-000000000002', 'auth0|alice', 'benchmarks', 'paused', 'seed', '2026-02-10T09:00:00Z', '2026-02-10T09:00:00Z'),
    ('00000000-0000-4000-8000-000000000003', 'auth0|bob', 'insights', 'active', 'seed', '2026-03-15T09:00:00Z', '2026-03-15T09:00:00Z')
on conflict (id) do nothing;
