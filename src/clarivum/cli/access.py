"""`access`: who may do what, tried cell by cell; and why a token may or may not."""

from clarivum.cli.access_audit import audit
from clarivum.cli.access_explain import explain
from clarivum.cli.access_matrix import matrix
from clarivum.cli.access_revoke import revoke
from clarivum.cli.group import group

app = group(no_args_is_help=True, help="Try who may do what; explain what a token may do; end what was issued.")
app.command(short_help="Try every role on every table and route.")(matrix)
app.command(short_help="Say why a token may or may not.")(explain)
app.command(short_help="End all sessions and tokens of somebody.")(revoke)
app.command(short_help="List who signed in, was refused, changed what.")(audit)
