// Made by ./clarivum jobs types from the declarations of the jobs; do not edit.
/**
 * Where a job is put, within the caller's transaction: the message is there exactly when that transaction commits.
 *
 * Outside a transaction Postgres refuses the SAVEPOINT, and nothing is sent.
 */

/** `sql` of postgres.js as `sql.begin(async (sql) => …)` gives it. */
export interface PostgresJsTransaction {
  unsafe(query: string, parameters?: never[]): PromiseLike<ArrayLike<unknown>>;
  savepoint: unknown;
}

/** A client of node-postgres after `BEGIN`; a Pool is none, since each of its queries may take another connection. */
export interface NodePostgresClient {
  query(query: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  totalCount?: never;
}

export type Transaction = PostgresJsTransaction | NodePostgresClient;

export interface Message {
  queue: string;
  /** The payload's JSON. */
  body: string;
  headers: Readonly<Record<string, string>>;
  delaySeconds: number;
}

export interface Sender {
  send(message: Message): Promise<void>;
}

/** Puts jobs into pgmq's queues: CLARIVUM_JOBS_TRANSPORT=pgmq, the embedded database or Supabase Queues. */
export function pgmqSender(sql: Transaction): Sender {
  return sender(
    sql,
    `select pgmq.send($1::text, $2::text::jsonb, $3::text::jsonb, $4::text::integer),
            pg_notify('clarivum_jobs', $1::text)`,
  );
}

/** Puts jobs into the outbox, from which the relay sends them to SQS: CLARIVUM_JOBS_TRANSPORT=sqs. */
export function outboxSender(sql: Transaction): Sender {
  return sender(
    sql,
    `with added as (
       insert into clarivum.outbox (queue, body, headers, due_at)
       values ($1::text, $2::text, $3::text::jsonb, clock_timestamp() + make_interval(secs => $4::text::double precision))
       returning queue
     )
     select pg_notify('clarivum_outbox', queue) from added`,
  );
}

function sender(sql: Transaction, statement: string): Sender {
  const run = executor(sql);
  return {
    async send(message) {
      await run("savepoint clarivum_enqueue");
      try {
        const [before] = await run(
          "select current_setting('role') as role, set_config('role', 'clarivum_worker', true) as now",
        );
        await run(statement, [
          message.queue,
          message.body,
          JSON.stringify(message.headers),
          String(message.delaySeconds),
        ]);
        await run("select set_config('role', $1::text, true)", [(before as { role: string }).role]);
      } catch (error) {
        // The caller's transaction goes on as it was, role included.
        await run("rollback to savepoint clarivum_enqueue");
        throw error;
      }
      await run("release savepoint clarivum_enqueue");
    },
  };
}

function executor(sql: Transaction): (query: string, values?: string[]) => Promise<ArrayLike<unknown> & Iterable<unknown>> {
  if ("unsafe" in sql) {
    return async (query, values = []) => Array.from(await sql.unsafe(query, values as never[]));
  }
  return async (query, values = []) => (await sql.query(query, values)).rows;
}
