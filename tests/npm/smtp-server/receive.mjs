// A mail server on loopback: prints its port, then one JSON line per message that it took.
// Arguments: JSON {user, password, secure, tls: {key, cert}, refuse: [address], hideStarttls}.
import { SMTPServer } from 'smtp-server'
import { buffer } from 'node:stream/consumers'

const options = JSON.parse(process.argv[2] ?? '{}')
const refused = (code, text) => Object.assign(new Error(text), { responseCode: code })
const server = new SMTPServer({
  secure: options.secure ?? false,
  ...(options.tls ?? {}),
  authOptional: !options.user,
  disabledCommands: options.hideStarttls ? ['STARTTLS'] : [],
  logger: false,
  onAuth: ({ username, password }, session, done) =>
    username === options.user && password === options.password
      ? done(null, { user: username })
      : done(refused(535, 'no')),
  onRcptTo: ({ address }, session, done) =>
    address === options.refuse ? done(refused(550, 'no such mailbox')) : address === options.later ? done(refused(451, 'later')) : done(),
  onData: async (stream, session, done) => {
    const content = await buffer(stream)
    console.log(JSON.stringify({
      from: session.envelope.mailFrom.address,
      to: session.envelope.rcptTo.map(({ address }) => address),
      secure: session.secure,
      user: session.user ?? null,
      content: content.toString('latin1'),
    }))
    done()
  },
})
server.on('error', () => {})
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port))
