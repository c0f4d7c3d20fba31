// The Fastify server of both Node peers; `read` takes the claims and gives the rows.
import Fastify from "fastify";
import { cache, cachedClaims, settings, verifiedClaims } from "./peer.mjs";

const nullable = (type) => ({ anyOf: [type, { type: "null" }] });
const text = { type: "string" };
const time = { type: "string", format: "date-time" };

// With a response schema Fastify compiles its serializer: its documented fast path.
const page = {
  type: "object",
  properties: {
    items: {
      type: "array",
      items: {
        type: "object",
        properties: {
          id: text, product: text, status: text, source: text,
          starts_at: time, ends_at: nullable(time), created_at: time, revision: { type: "integer" },
        },
      },
    },
    next: nullable(text),
  },
};

export async function serve(read) {
  const server = Fastify({ logger: false });
  server.get("/healthz", () => "ok");
  server.get("/cache", () => cache);
  server.get("/api/v1/entitlements", { schema: { response: { 200: page } } }, async (request, reply) => {
    const { authorization } = request.headers;
    const claims = cachedClaims(authorization) ?? (await verifiedClaims(authorization));
    if (claims === null) return reply.code(401).send();
    return { items: await read(claims), next: null };
  });
  await server.listen({ host: "127.0.0.1", port: settings.port });
}
