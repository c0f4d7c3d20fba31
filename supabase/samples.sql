-- Rows for `./clarivum access matrix`, where a format cannot be made up. One INSERT of one row per table, run once per role.
insert into public.purchase_events (id, type, occurred_at, effect, payment, subject, product, amount_minor, currency)
values (
    'evt_' || md5(current_setting('sample.subject')), 'checkout.session.completed', now(), 'payment',
    'pi_' || md5(current_setting('sample.subject')), current_setting('sample.subject'), 'insights', 4900, 'eur'
);
insert into public.purchases (payment, subject, product, amount_minor, currency, status, paid_at)
values (
    'pi_' || md5(current_setting('sample.subject')), current_setting('sample.subject'), 'insights', 4900, 'eur', 'paid', now()
);
