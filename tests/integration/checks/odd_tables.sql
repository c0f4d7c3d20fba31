-- What a generator of diagrams trips over: names that want quotes, words of Mermaid's own, keys of every kind.
create schema odd;
create schema "Second Schema";
create type odd."Mood of Day" as enum ('good', 'bad');

create table public.tenants (id uuid primary key, name text not null unique);
comment on table public.tenants is 'owner: growth. rows: 400. "Quoted" | piped ~ tenants; <b>bold</b>.';
comment on column public.tenants.name is 'Has "quotes", `ticks`, ~tildes~, <b class="x">tags</b>, %% and
a second line.';

-- A composite key, a composite reference to it, and a reference that is part of the primary key.
create table odd.accounts (
    tenant_id uuid not null references public.tenants,
    number integer not null,
    parent_number integer,
    balance numeric(12, 2) not null,
    opened timestamp(3) with time zone not null,
    "user" varchar(80) unique,
    primary key (tenant_id, number),
    foreign key (tenant_id, parent_number) references odd.accounts (tenant_id, number)
);
-- One to one, required and optional; a partial unique index makes no such promise.
create table odd.account_settings (
    tenant_id uuid not null,
    number integer not null,
    moods odd."Mood of Day"[] not null,
    backup_tenant uuid references public.tenants,
    primary key (tenant_id, number),
    foreign key (tenant_id, number) references odd.accounts
);
create table odd.passports (id bigint primary key, tenant_id uuid unique references public.tenants, deleted_at date);
create table odd.visits (id bigint primary key, tenant_id uuid not null references public.tenants, deleted_at date);
create unique index visits_one_open on odd.visits (tenant_id) where deleted_at is null;

-- Names.
create table public."Order Items" (
    "Item No." integer primary key,
    "PK" text,
    fk text,
    "2nd" text,
    "größe" integer,
    "日本" text,
    "with ""quote" text unique,
    "direction TB" text
);
create table "Second Schema"."order" ("one" integer primary key references public."Order Items", "to" text);
create table public."Order_Items" (id integer primary key);
create table public.one (id integer primary key);
create table public."only one" (id integer primary key references public.one);

-- Nothing in it; a reference out of the application's schemas; partitions.
create table public.nothing ();
create table auth.users (id uuid primary key);
create table public.members (id uuid primary key references auth.users);
create table odd.events (id bigint, at date not null, primary key (id, at)) partition by range (at);
create table odd.events_2026 partition of odd.events for values from ('2026-01-01') to ('2027-01-01');
create table odd.events_2027 partition of odd.events for values from ('2027-01-01') to ('2028-01-01');
create index events_at_idx on odd.events (at desc);
create table odd.notes (id bigint primary key, event_id bigint, event_at date,
    foreign key (event_id, event_at) references odd.events);
create materialized view public.totals as select count(*) as "how many" from public.tenants;
