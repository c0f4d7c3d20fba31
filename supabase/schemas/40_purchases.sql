-- Purchases: what Stripe told us, and what members bought and got for it.
create table public.purchase_events (
    id text primary key check (id ~ '^evt_[A-Za-z0-9_]{1,200}$'),
    type text not null check (char_length(type) between 1 and 100),
    occurred_at timestamptz not null,
    effect text check (effect in ('payment', 'refund')),
    payment text check (char_length(payment) between 1 and 255),
    subject text check (char_length(subject) between 1 and 255),
    product text check (char_length(product) between 1 and 80),
    amount_minor bigint check (amount_minor >= 0),
    currency text check (currency ~ '^[a-z]{3}$'),
    email text check (char_length(email) between 3 and 320),
    handled_at timestamptz,
    created_at timestamptz not null default now(),
    check (effect is null or payment is not null),
    check (effect is distinct from 'payment' or (product is not null and amount_minor is not null and currency is not null))
);

comment on table public.purchase_events is
    'owner: membership. rows: 1_000_000. What Stripe told us, each event once: ids, amount, currency, product; never a card.';
comment on column public.purchase_events.occurred_at is 'Stripe''s created. Events come late, twice and in any order.';
comment on column public.purchase_events.effect is 'distinct: 2. What follows from it; null: nothing does, it is only stored.';
comment on column public.purchase_events.payment is 'distinct: 900_000. Stripe''s payment intent, or the checkout session where nothing had to be paid.';
comment on column public.purchase_events.subject is 'distinct: 100_000. nulls: 0.3.';
comment on column public.purchase_events.handled_at is 'When its effect was committed; purchases.reconcile looks for those without.';

create index purchase_events_payment_idx on public.purchase_events (payment) where effect = 'refund';
create index purchase_events_unhandled_idx on public.purchase_events (created_at) where effect is not null and handled_at is null;
create index purchase_events_subject_idx on public.purchase_events (subject) where subject is not null;

alter table public.purchase_events enable row level security;
alter table public.purchase_events force row level security;
grant select, insert, update on public.purchase_events to clarivum_worker;
create policy purchase_events_worker on public.purchase_events for all to clarivum_worker using (true) with check (true);

create table public.purchases (
    id uuid primary key default gen_random_uuid(),
    payment text not null check (char_length(payment) between 1 and 255),
    subject text not null check (char_length(subject) between 1 and 255),
    product text not null check (char_length(product) between 1 and 80),
    amount_minor bigint not null check (amount_minor >= 0),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    email text check (char_length(email) between 3 and 320),
    status text not null default 'paid' check (status in ('paid', 'fulfilled', 'refunded')),
    entitlement_id uuid references public.entitlements (id) on delete restrict,
    paid_at timestamptz not null,
    fulfilled_at timestamptz,
    refunded_at timestamptz,
    receipt_sent_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    revision integer not null default 1,
    check ((status = 'refunded') = (refunded_at is not null)),
    check (status <> 'fulfilled' or (entitlement_id is not null and fulfilled_at is not null))
);

comment on table public.purchases is
    'owner: membership. rows: 1_000_000. What members bought: one row per payment, with the entitlement that it gave.';
comment on column public.purchases.subject is 'distinct: 100_000. The member; erased:… after an erasure, since the law keeps the booking.';
comment on column public.purchases.amount_minor is 'In the currency''s smallest unit, as Stripe counts: 4900 is 49.00 EUR, and 4900 JPY.';

create trigger purchases_touch before update on public.purchases
    for each row execute function clarivum.touch();

create unique index purchases_payment_key on public.purchases (payment);
create index purchases_subject_created_at_idx on public.purchases (subject, created_at desc, id desc);
create index purchases_created_at_idx on public.purchases (created_at desc, id desc);
create index purchases_entitlement_id_idx on public.purchases (entitlement_id);
create index purchases_unsent_idx on public.purchases (fulfilled_at)
    where status = 'fulfilled' and receipt_sent_at is null;

alter table public.purchases enable row level security;
alter table public.purchases force row level security;
grant select on public.purchases to authenticated;
grant select on public.purchases to clarivum_staff;
grant select, insert, update on public.purchases to clarivum_worker;
create policy purchases_own_read on public.purchases for select to authenticated
    using (subject = (select clarivum.subject()));
create policy purchases_admin_read on public.purchases for select to clarivum_staff
    using ((select clarivum.has_any_role('{admin}')));
create policy purchases_worker on public.purchases for all to clarivum_worker using (true) with check (true);

-- A payment grants and a refund revokes, without an administrator; a receipt may go to the profile's address.
grant select, insert, update on public.entitlements to clarivum_worker;
create policy entitlements_worker on public.entitlements for all to clarivum_worker using (true) with check (true);
grant select, insert on public.entitlement_events to clarivum_worker;
create policy entitlement_events_worker_read on public.entitlement_events for select to clarivum_worker using (true);
create policy entitlement_events_worker_add on public.entitlement_events for insert to clarivum_worker with check (true);
grant select on public.profiles to clarivum_worker;
create policy profiles_worker_read on public.profiles for select to clarivum_worker using (true);
