// Fastify + postgres.js: a reserved connection for each request, its four statements sent without waiting in between.
import postgres from "postgres";
import { contextFor, settings, template } from "./peer.mjs";
import { serve } from "./server.mjs";

const { host, port, name, user, password } = settings.database;
const time = {
  to: 1184,
  from: [1184],
  serialize: (value) => (value instanceof Date ? value.toISOString() : value), // its own has no 'infinity'
  parse: (text) => new Date(text),
};
const sql = postgres({ host, port, database: name, username: user, password, max: settings.pool, types: { time } });
const context = template(settings.context);
const read = template(settings.read);

await serve(async (claims) => {
  const connection = await sql.reserve();
  try {
    const sent = [
      connection`begin`.execute(),
      connection(...context(contextFor(claims))).execute(),
      connection(...read(settings.read.values)).execute(),
      connection`commit`.execute(),
    ];
    return (await Promise.all(sent))[2];
  } finally {
    connection.release();
  }
});
