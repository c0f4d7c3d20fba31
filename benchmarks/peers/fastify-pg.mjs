// Fastify + pg: a pooled client in its pipeline mode (8.2x), prepared by name; the four statements sent without waiting.
import pg from "pg";
import { contextFor, settings } from "./peer.mjs";
import { serve } from "./server.mjs";

const { host, port, name, user, password } = settings.database;
const pool = new pg.Pool({ host, port, database: name, user, password, max: settings.pool, pipeline: true });

await serve(async (claims) => {
  const client = await pool.connect();
  try {
    const sent = [
      client.query({ name: "begin", text: "begin" }),
      client.query({ name: "context", text: settings.context.sql, values: contextFor(claims) }),
      client.query({ name: "read", text: settings.read.sql, values: settings.read.values }),
      client.query({ name: "commit", text: "commit" }),
    ];
    return (await Promise.all(sent))[2].rows;
  } finally {
    client.release();
  }
});
