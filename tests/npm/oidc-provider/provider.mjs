// A real OpenID provider with Auth0's habits: JWT access tokens for one API with roles, amr and address in namespaced claims,
// PKCE required, refresh tokens that rotate, and a second factor when acr_values asks for it.
// Configuration as JSON in the first argument; a line {"accessTokenTtlS": …} on stdin changes that later.
// Prints "ready" when it listens, and a JSON line per event.
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { createInterface } from "node:readline"
import { pathToFileURL } from "node:url"

const { packages, port, audience, clientId, clientSecret, baseUrl, roles, ...changing } = JSON.parse(process.argv[2])
const { default: Provider } = await import(pathToFileURL(`${packages}/node_modules/oidc-provider/lib/index.js`).href)

let { accessTokenTtlS } = changing

const MULTI_FACTOR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
const NAMESPACE = "https://clarivum.com"
const issuer = `http://127.0.0.1:${port}/`

const addressOf = (id) => `${id.split("|")[1]}@example.com`

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const signingKey = { ...privateKey.export({ format: "jwk" }), kid: "provider-1", alg: "RS256", use: "sig" }

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${baseUrl}/auth/callback`],
      post_logout_redirect_uris: [`${baseUrl}/`],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  routes: { jwks: "/.well-known/jwks.json" },
  pkce: { required: () => true },
  acrValues: [MULTI_FACTOR],
  scopes: ["openid", "offline_access", "profile", "email"],
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], acr: null, amr: null },
  conformIdTokenClaims: false,
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: id.split("|")[1], email: addressOf(id), email_verified: true }),
  }),
  // Everybody agrees to everything: consent is not what is tested.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc
    const known = session.grantIdFor(client.clientId)
    const found = known && (await ctx.oidc.provider.Grant.find(known))
    if (found) return found
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope("openid profile email offline_access")
    grant.addResourceScope(audience, "openid profile email offline_access")
    await grant.save()
    return grant
  },
  issueRefreshToken: async () => true,
  rotateRefreshToken: () => true,
  extraTokenClaims: (ctx, token) => {
    const source = ctx.oidc.entities.AuthorizationCode ?? ctx.oidc.entities.RefreshToken
    return {
      [`${NAMESPACE}/roles`]: roles[token.accountId] ?? ["member"],
      [`${NAMESPACE}/amr`]: source?.amr ?? [],
      [`${NAMESPACE}/email`]: addressOf(token.accountId),
      [`${NAMESPACE}/email_verified`]: true,
    }
  },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "openid profile email offline_access",
        audience,
        accessTokenTTL: accessTokenTtlS,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: () => accessTokenTtlS, IdToken: 600, RefreshToken: 86_400, Session: 86_400, Grant: 86_400, Interaction: 600 },
})

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
provider.on("grant.success", (ctx) => say({ granted: ctx.oidc.params.grant_type }))
provider.on("grant.error", (ctx, error) => say({ refused: ctx.oidc.params?.grant_type, error: error.error }))
provider.on("revocation.error", (ctx, error) => say({ revocation: error.error }))
provider.on("refresh_token.destroyed", () => say({ destroyed: "refresh_token" }))
provider.on("server_error", (ctx, error) => say({ failed: error.message }))

const page = (mfa) => `<!doctype html><html lang="en"><title>Sign in</title><form method="post">
<label>Subject <input name="subject" value="auth0|alice"></label>
${mfa ? '<label>Code <input name="code"></label>' : ""}
<button name="act" value="enter">Enter</button> <button name="act" value="decline">Decline</button></form></html>`

provider.use(async (ctx, next) => {
  if (!/^\/interaction\/[\w-]+$/.test(ctx.path)) return next()
  const { params } = await provider.interactionDetails(ctx.req, ctx.res)
  const mfa = (params.acr_values ?? "").split(" ").includes(MULTI_FACTOR)
  if (ctx.method !== "POST") {
    ctx.type = "html"
    ctx.body = page(mfa)
    return
  }
  let body = ""
  for await (const piece of ctx.req) body += piece
  const form = new URLSearchParams(body)
  const proven = mfa && form.get("code") === "123456"
  const login = {
    accountId: form.get("subject"),
    amr: proven ? ["pwd", "mfa"] : ["pwd"],
    acr: proven ? MULTI_FACTOR : undefined,
  }
  const result = form.get("act") === "decline" ? { error: "access_denied", error_description: "<b>no</b>" } : { login }
  ctx.respond = false
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
})

createInterface({ input: process.stdin }).on("line", (line) => {
  accessTokenTtlS = JSON.parse(line).accessTokenTtlS
  say({ ttl: String(accessTokenTtlS) })
})
provider.listen(port, "127.0.0.1", () => process.stdout.write("ready\n"))
