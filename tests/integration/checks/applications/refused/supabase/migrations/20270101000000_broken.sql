-- author: growth
create table public.first (id bigint primary key);
create tabel public.second (id bigint primary key);
