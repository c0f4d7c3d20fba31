// Seals, opens and chunks session cookies with the code of the packages themselves.
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

const logger = { debug() {}, warn() {}, error() {} }
const options = { httpOnly: true, sameSite: "lax", path: "/", secure: true }

const authjs = {
  seal: ({ token, secret, name, maxAge }) => encode({ token, secret, salt: name, maxAge }),
  open: ({ value, secret, name }) => decode({ token: value, secret, salt: name }),
  chunk: ({ name, value }) => new SessionStore({ name, options }, {}, logger).chunk(value, {}),
  read: ({ cookie, secret, name }) => getToken({ req: { headers: { cookie } }, secret, cookieName: name, logger }),
}

const nextauth = {
  seal: ({ token, secret, maxAge }) => v4.encode({ token, secret, maxAge }),
  open: ({ value, secret }) => v4.decode({ token: value, secret }),
  chunk: ({ name, value }) => new v4Cookies.SessionStore({ name, options }, {}, logger).chunk(value, {}),
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
