// Signs payloads with Stripe's own library: a JSON list of {payload, secret, timestamp, scheme} in, the headers out.
import Stripe from 'stripe'
import { text } from 'node:stream/consumers'

const stripe = new Stripe('sk_test_unused')
const wanted = JSON.parse(await text(process.stdin))
console.log(JSON.stringify(wanted.map((options) => stripe.webhooks.generateTestHeaderString(options))))
