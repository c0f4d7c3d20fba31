// What every JavaScript peer shares: its settings, the SQL under test, and bearer tokens that are verified once.
import { createRemoteJWKSet, jwtVerify } from "jose";

// {port, database: {host, port, name, user, password}, pool, jwks_url, issuer, audience, roles_claim,
//  context: {sql, values}, read: {sql, values}}; SQL has $1..$n, and the caller's claims go in place of the value null.
export const settings = JSON.parse(process.env.PEER);
const { values: contextValues } = settings.context;
const claimsAt = contextValues.indexOf(null);

/** The parameters of the context statement for one caller. */
export const contextFor = (claims) => contextValues.with(claimsAt, claims);

const keys = createRemoteJWKSet(new URL(settings.jwks_url));
const CACHED_TOKENS = 10_000;
const verified = new Map();
export const cache = { hits: 0, misses: 0 };

/** The claims text for the database, or null when the token is not acceptable. A cached token costs one look-up. */
export function cachedClaims(authorization) {
  const entry = verified.get(authorization);
  if (entry === undefined || entry.expiresAt <= Date.now()) return null;
  cache.hits++;
  return entry.claims;
}

export async function verifiedClaims(authorization) {
  if (!authorization?.startsWith("Bearer ")) return null;
  cache.misses++;
  try {
    const { payload } = await jwtVerify(authorization.slice(7), keys, {
      algorithms: ["RS256"],
      issuer: settings.issuer,
      audience: settings.audience,
      clockTolerance: 30,
    });
    const claims = JSON.stringify({
      sub: payload.sub,
      role: "authenticated",
      app_roles: payload[settings.roles_claim] ?? [],
    });
    if (verified.size >= CACHED_TOKENS) verified.delete(verified.keys().next().value);
    verified.set(authorization, { claims, expiresAt: payload.exp * 1000 });
    return claims;
  } catch {
    return null;
  }
}

/** A statement as the arguments of a tagged template; `values` of each call are in the order of $1..$n. */
export function template({ sql }) {
  const gaps = [...sql.matchAll(/\$(\d+)/g)].map((match) => Number(match[1]) - 1);
  const parts = sql.split(/\$\d+/);
  const strings = Object.defineProperty(parts, "raw", { value: parts });
  return (values) => [strings, ...gaps.map((gap) => values[gap])];
}
