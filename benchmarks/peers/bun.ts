// Bun.serve + Bun.sql: a connection from the pool for each request, on which the four statements travel in one write.
// With `shared` in its settings, that many connections are reserved once and requests share them, as ours do.
import { SQL } from "bun";
import { cache, cachedClaims, contextFor, settings, template, verifiedClaims } from "./peer.mjs";

const { host, port, name, user, password } = settings.database;
const sql = new SQL({ hostname: host, port, database: name, username: user, password, max: settings.pool });
const context = template(settings.context);
const read = template(settings.read);

const shared = await Promise.all(Array.from({ length: settings.shared ?? 0 }, () => sql.reserve()));
let turn = 0;

async function transaction(connection, claims: string) {
  const begin = connection`begin`.execute();
  const identity = connection(...context(contextFor(claims))).execute();
  const rows = connection(...read(settings.read.values)).execute();
  const commit = connection`commit`.execute();
  const [, , found] = await Promise.all([begin, identity, rows, commit]);
  return found;
}

async function entitlements(claims: string) {
  if (shared.length > 0) return transaction(shared[turn++ % shared.length], claims);
  const connection = await sql.reserve();
  try {
    return await transaction(connection, claims);
  } finally {
    connection.release();
  }
}

Bun.serve({
  hostname: "127.0.0.1",
  port: settings.port,
  routes: {
    "/healthz": () => new Response("ok"),
    "/cache": () => Response.json(cache),
    "/api/v1/entitlements": async (request: Request) => {
      const authorization = request.headers.get("authorization");
      const claims = cachedClaims(authorization) ?? (await verifiedClaims(authorization));
      if (claims === null) return new Response("unauthenticated", { status: 401 });
      return Response.json({ items: await entitlements(claims), next: null });
    },
  },
  error: (failure) => {
    console.error(failure);
    return new Response("error", { status: 500 });
  },
});
