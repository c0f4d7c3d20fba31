// Session cookies by the code of the packages themselves: sealed, opened, chunked, and set by whole applications.
// One JSON request a line on standard input, one JSON answer a line on standard output.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { createInterface } from "node:readline"

const [packages] = process.argv.slice(2)
const require = createRequire(`${packages}/package.json`)
const inside = (path) => import(pathToFileURL(`${packages}/node_modules/${path}`).href)

const { encode, decode, getToken } = await inside("@auth/core/jwt.js")
const { SessionStore } = await inside("@auth/core/lib/utils/cookie.js")
const v4 = require("next-auth/jwt")
const v4Cookies = require(`${packages}/node_modules/next-auth/core/lib/cookie.js`)

const { Auth, skipCSRFCheck } = await inside("@auth/core/index.js")
const { default: Credentials } = await inside("@auth/core/providers/credentials.js")
const { AuthHandler } = require(`${packages}/node_modules/next-auth/core/index.js`)
const { default: v4Credentials } = require(`${packages}/node_modules/next-auth/providers/credentials.js`)

const logger = { debug() {}, warn() {}, error() {} }
const origin = "https://app.example.org"
process.env.NEXTAUTH_URL = origin

// A front end whose sign-in always succeeds; `token` is what its jwt callback stores.
const frontEnd = (provider, secret, token) => ({
  secret,
  providers: [provider({ credentials: {}, authorize: () => ({ id: "x", name: "Zoë" }) })],
  session: { strategy: "jwt" },
  callbacks: {
    jwt: ({ token: kept, user }) => (user ? { ...kept, ...token } : kept),
    session: ({ session, token: kept }) => ({ ...session, stored: kept.access_token }),
  },
  logger,
})

async function v5Application(path, secret, token, init) {
  const config = { ...frontEnd(Credentials, secret, token), trustHost: true, basePath: "/auth", skipCSRFCheck }
  const answer = await Auth(new Request(`${origin}/auth/${path}`, init), config)
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0].split("="))
  return { body: await answer.text(), cookies }
}

async function v4Application(request, secret, token) {
  const req = { origin, headers: {}, query: {}, cookies: {}, ...request }
  const answer = await AuthHandler({ req, options: frontEnd(v4Credentials, secret, token) })
  return { body: answer.body, cookies: (answer.cookies ?? []).map(({ name, value }) => [name, value]) }
}

const options = { httpOnly: true, sameSite: "lax", path: "/", secure: true }

const authjs = {
  seal: ({ token, secret, name, maxAge }) => encode({ token, secret, salt: name, maxAge }),
  open: ({ value, secret, name }) => decode({ token: value, secret, salt: name }),
  chunk: ({ name, value }) => new SessionStore({ name, options }, {}, logger).chunk(value, {}),
  read: ({ cookie, secret, name }) => getToken({ req: { headers: { cookie } }, secret, cookieName: name, logger }),
  signIn: ({ secret, token }) =>
    v5Application("callback/credentials", secret, token, { method: "POST", body: new URLSearchParams() }),
  session: ({ secret, cookie }) => v5Application("session", secret, {}, { headers: { cookie } }),
}

const nextauth = {
  seal: ({ token, secret, maxAge }) => v4.encode({ token, secret, maxAge }),
  open: ({ value, secret }) => v4.decode({ token: value, secret }),
  chunk: ({ name, value }) => new v4Cookies.SessionStore({ name, options }, {}, logger).chunk(value, {}),
  signIn: async ({ secret, token }) => {
    const { body, cookies } = await v4Application({ method: "GET", action: "csrf" }, secret, token)
    const post = { method: "POST", action: "callback", providerId: "credentials", body }
    return v4Application({ ...post, cookies: Object.fromEntries(cookies) }, secret, token)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { format, act, ...request } = JSON.parse(line)
  let answer
  try {
    answer = { result: await { authjs, nextauth }[format][act](request) }
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
