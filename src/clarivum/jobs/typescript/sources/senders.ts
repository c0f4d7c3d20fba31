/**
 * Where a job is put, within the caller's transaction: the message is there exactly when that transaction commits.
 *
 * Outside a transaction Postgres refuses the SAVEPOINT, and nothing is sent.
 */

/** `sql` of postgres.js as `sql.begin(async (sql) => …)` gives it. */
export interface PostgresJsTransaction {
  unsafe(statements: string): PromiseLike<unknown>;
  savepoint: unknown;
}

/** A client of node-postgres after `BEGIN`; a Pool is none, since each of its queries may take another connection. */
export interface NodePostgresClient {
  query(statements: string): Promise<unknown>;
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
    `perform pgmq.send(job_queue, job_body::jsonb, job_headers, delay_s);
  perform pg_notify('clarivum_jobs', job_queue);`,
  );
}

/** Puts jobs into the outbox, from which the relay sends them to SQS: CLARIVUM_JOBS_TRANSPORT=sqs. */
export function outboxSender(sql: Transaction): Sender {
  return sender(
    sql,
    `insert into clarivum.outbox (queue, body, headers, due_at)
  values (job_queue, job_body, job_headers, clock_timestamp() + make_interval(secs => delay_s));
  perform pg_notify('clarivum_outbox', job_queue);`,
  );
}

/** By transaction, when its last send is over. */
const sending = new WeakMap<Transaction, Promise<void>>();

/**
 * Sends of one transaction take turns: one that fails has to go back to its savepoint before the next one begins. With
 * postgres.js, which rolls a transaction back after any statement that failed, there is no next one.
 */
function sender(sql: Transaction, statements: string): Sender {
  const run = executor(sql);
  const attempt = async (message: Message) => {
    try {
      await run(asWorker(message, statements));
    } catch (error) {
      // The caller's transaction goes on as it was; where it cannot, there was none, or it had failed before.
      await run("rollback to savepoint clarivum_enqueue; release savepoint clarivum_enqueue").catch(() => undefined);
      throw error;
    }
  };
  return {
    send(message) {
      const sent = (sending.get(sql) ?? Promise.resolve()).then(() => attempt(message));
      sending.set(
        sql,
        sent.catch(() => undefined),
      );
      return sent;
    },
  };
}

/**
 * One message of the protocol, within which the role is switched and restored: whatever else the caller runs in the
 * transaction meanwhile comes before or after all of it, and never runs as clarivum_worker. Such a message takes no
 * parameters. Its values are constants of the block, so that an error's context does not quote them.
 */
function asWorker({ queue, body, headers, delaySeconds }: Message, statements: string): string {
  return `savepoint clarivum_enqueue;
do $enqueue$
declare
  caller constant text := current_setting('role');
  job_queue constant text := ${text(queue)};
  job_body constant text := ${text(body)};
  job_headers constant jsonb := ${text(JSON.stringify(headers))};
  delay_s constant integer := ${text(String(delaySeconds))};
begin
  perform set_config('role', 'clarivum_worker', true);
  ${statements}
  perform set_config('role', caller, true);
end
$enqueue$;
release savepoint clarivum_enqueue`;
}

/** An SQL literal of any text: base64 has no character that ends a literal or a block, whatever the server's settings. */
function text(value: string): string {
  return `convert_from(decode('${Buffer.from(value, "utf8").toString("base64")}', 'base64'), 'UTF8')`;
}

function executor(sql: Transaction): (statements: string) => Promise<unknown> {
  if ("unsafe" in sql) return async (statements) => sql.unsafe(statements);
  return async (statements) => sql.query(statements);
}
