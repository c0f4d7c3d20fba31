// Made by ./clarivum jobs types from the declarations of the jobs; do not edit.
export { enqueue, InvalidPayloadError, prepare } from "./enqueue.js";
export type { EnqueueOptions, Prepared, Violation } from "./enqueue.js";
export { jobs } from "./jobs.js";
export type { JobName, Payloads } from "./jobs.js";
export * from "./payloads.js";
export { runIdOf } from "./run_id.js";
export { outboxSender, pgmqSender } from "./senders.js";
export type { Message, NodePostgresClient, PostgresJsTransaction, Sender, Transaction } from "./senders.js";
