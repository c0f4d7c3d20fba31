-- name: store_event -> maybe StoredEventId
-- The first delivery leaves a row and returns it; every further one waits for the first and returns nothing. Of a
-- member who was erased only the payment is kept.
insert into public.purchase_events
    (id, type, occurred_at, effect, payment, subject, product, amount_minor, currency, email)
select
    %(id)s, %(type)s, %(occurred_at)s, %(effect)s, %(payment)s, case when not is_erased then %(subject)s::text end,
    %(product)s, %(amount_minor)s::bigint, %(currency)s, case when not is_erased then %(email)s::text end
from (
    select exists (
        select from public.profiles where subject = %(subject)s and deleted_at is not null
    ) as is_erased
) as member
on conflict (id) do nothing
returning id;

-- name: payment_event -> maybe StoredPayment
-- Held until the end: an erasure comes before, and has emptied it, or after, and finds what followed from it.
select payment, subject, product, amount_minor, currency, email, occurred_at, handled_at
from public.purchase_events
where id = %(event_id)s and effect = 'payment' and payment is not null
for update;

-- name: refund_event -> maybe StoredRefund
select payment, occurred_at from public.purchase_events where id = %(event_id)s and effect = 'refund' and payment is not null;

-- name: hold_payment -> one Lock, writes
-- One at a time decides about a payment: a refund that meets its fulfilment waits, and then sees what it did.
select pg_advisory_xact_lock(hashtextextended('purchases.payment ' || %(payment)s::text, 0)) is not null as held;

-- name: refund_of_payment -> maybe StoredRefund
-- The first refund of a payment that was stored, whether or not it was handled.
select payment, occurred_at from public.purchase_events
where payment = %(payment)s and effect = 'refund' order by occurred_at limit 1;

-- name: record_purchase -> maybe PurchaseId
-- Nothing comes back when another event of the same payment recorded it.
insert into public.purchases (payment, subject, product, amount_minor, currency, email, status, paid_at, refunded_at)
values (
    %(payment)s, %(subject)s, %(product)s, %(amount_minor)s::bigint, %(currency)s, %(email)s,
    case when %(refunded_at)s::timestamptz is null then 'paid' else 'refunded' end, %(paid_at)s, %(refunded_at)s
)
on conflict (payment) do nothing
returning id;

-- name: mark_fulfilled -> none
update public.purchases set status = 'fulfilled', entitlement_id = %(entitlement_id)s, fulfilled_at = now()
where id = %(purchase_id)s and status = 'paid';

-- name: purchase_of_payment -> maybe PurchaseState
select id, status, entitlement_id from public.purchases where payment = %(payment)s;

-- name: mark_refunded -> none
update public.purchases set status = 'refunded', refunded_at = %(refunded_at)s
where id = %(purchase_id)s and status <> 'refunded';

-- name: mark_handled -> none
update public.purchase_events set handled_at = now() where id = %(event_id)s and handled_at is null;

-- name: receipt -> maybe Receipt
-- To the address given at the checkout, else to the profile's. Held until it is sent, so that no two runs send it.
select purchases.id, purchases.product, amount_minor, currency, paid_at, coalesce(purchases.email, profiles.email) as email
from public.purchases left join public.profiles on profiles.subject = purchases.subject and profiles.deleted_at is null
where purchases.id = %(purchase_id)s and receipt_sent_at is null
for update of purchases;

-- name: unsent_receipts -> many UnsentReceipt
-- Of purchases older than all attempts take and younger than so many days, the oldest first.
select purchases.id
from public.purchases left join public.profiles on profiles.subject = purchases.subject and profiles.deleted_at is null
where status = 'fulfilled' and receipt_sent_at is null
    and fulfilled_at < now() - make_interval(secs => %(older_than_s)s)
    and fulfilled_at > now() - make_interval(days => %(days)s::integer)
    and coalesce(purchases.email, profiles.email) is not null
order by fulfilled_at limit %(limit)s;

-- name: mark_receipt_sent -> none
update public.purchases set receipt_sent_at = now() where id = %(purchase_id)s and receipt_sent_at is null;

-- name: unhandled_events -> many UnhandledEvent
-- Older than the queue should ever need, the oldest first.
select id, effect from public.purchase_events
where effect is not null and handled_at is null and created_at < now() - make_interval(secs => %(older_than_s)s)
order by created_at limit %(limit)s;

-- name: purchases_page -> many Purchase
-- Newest first, from a cursor on. Whose they are is the policy's business.
select id, product, amount_minor, currency, status, paid_at, refunded_at, created_at
from public.purchases
where (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: all_purchases_page -> many AnyPurchase
-- Everybody's, for administrators: their policy lets all rows through.
select id, product, amount_minor, currency, status, paid_at, refunded_at, created_at, subject, payment, entitlement_id,
    receipt_sent_at
from public.purchases
where (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;
