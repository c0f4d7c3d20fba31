// A Next.js server in small: enqueues one job with one of the drivers, and prints the run's id or what was refused.
import pg from "pg";
import postgres from "postgres";

import { enqueue, outboxSender, pgmqSender, type Payloads, type Transaction } from "./index.js";

interface Task {
  login: { user: string; password: string; host: string; port: number; database: string };
  driver: "pg" | "postgres";
  sender: "pgmq" | "outbox";
  ending: "commit" | "rollback" | "no transaction";
  payload: Payloads["drill.quick"];
  traceparent?: string;
  delaySeconds?: number;
  /** Enqueue these at once instead of `payload`, with statements of the caller's between them. */
  together?: Payloads["drill.quick"][];
}

const task = JSON.parse(process.argv[2] ?? "") as Task;

class Rollback extends Error {}

async function produce(sql: Transaction, role: () => Promise<unknown>): Promise<unknown> {
  if (task.together) return together(sql, task.together, role);
  const sender = task.sender === "pgmq" ? pgmqSender(sql) : outboxSender(sql);
  const before = await role();
  try {
    const { delaySeconds = 0, traceparent } = task;
    return { runId: await enqueue(sender, "drill.quick", task.payload, { delaySeconds, traceparent }) };
  } catch (error) {
    const context = error instanceof Error && "where" in error ? error.where : "";
    return { refused: String(error), name: error instanceof Error ? error.name : "", context };
  } finally {
    if (before !== (await role())) throw new Error("the caller's role is another one now");
  }
}

/** Everything of one transaction without waiting in between: what each job came to, and the role of each statement. */
async function together(sql: Transaction, payloads: Payloads["drill.quick"][], role: () => Promise<unknown>): Promise<unknown> {
  const become = "select set_config('role', 'authenticated', true)";
  await ("unsafe" in sql ? sql.unsafe(become) : sql.query(become));
  const sent: Promise<string>[] = [];
  const roles: Promise<unknown>[] = [];
  for (const payload of payloads) {
    const sender = task.sender === "pgmq" ? pgmqSender(sql) : outboxSender(sql);
    const job = enqueue(sender, "drill.quick", payload);
    job.catch(() => undefined); // looked at below, when Node.js has already called it unhandled
    sent.push(job);
    await new Promise((resolve) => setImmediate(resolve));
    roles.push(role().catch(state));
  }
  const settled = await Promise.allSettled(sent);
  roles.push(role().catch(state));
  return { settled: settled.map((each) => each.status), roles: await Promise.all(roles) };
}

function state(error: { code: string }): string {
  return error.code;
}

async function withPostgres(): Promise<unknown> {
  const sql = postgres({
    ...task.login,
    path: `${task.login.host}/.s.PGSQL.${task.login.port}`,
    max: 1,
    onnotice: () => {},
  });
  let told: unknown;
  try {
    await sql.begin(async (tx) => {
      told = await produce(tx, async () => (await tx`select current_setting('role') as role`)[0]?.role);
      if (task.ending === "rollback") throw new Rollback();
    });
  } catch (error) {
    // postgres.js commits nothing after a statement that failed, even where its error was caught.
    if (!(error instanceof Rollback) && !task.together) throw error;
  } finally {
    await sql.end();
  }
  return told;
}

async function withPg(): Promise<unknown> {
  const client = new pg.Client(task.login);
  await client.connect();
  try {
    if (task.ending !== "no transaction") await client.query("begin");
    const told = await produce(client, async () => (await client.query("select current_setting('role') as role")).rows[0]?.role);
    if (task.ending !== "no transaction") await client.query(task.ending);
    return told;
  } finally {
    await client.end();
  }
}

console.log(JSON.stringify(await (task.driver === "pg" ? withPg() : withPostgres())));

// What must not compile.
export function wrong(pool: pg.Pool, sql: postgres.Sql, client: pg.PoolClient): unknown[] {
  return [
    // @ts-expect-error a pool is no transaction
    pgmqSender(pool),
    // @ts-expect-error postgres.js outside of begin
    outboxSender(sql),
    // @ts-expect-error a member that the payload does not have
    enqueue(pgmqSender(client), "drill.quick", { name: "a" }),
    // @ts-expect-error a job that nobody declared
    enqueue(pgmqSender(client), "drill.unknown", { key: "a" }),
  ];
}
