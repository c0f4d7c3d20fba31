"""`db`: migrations, the declared schema, and the embedded database by itself."""

from clarivum.cli.db_compare import diff, drift
from clarivum.cli.db_erd import erd
from clarivum.cli.db_migrate import new, push, reset, status
from clarivum.cli.db_plan import plan
from clarivum.cli.db_serve import serve
from clarivum.cli.group import group
from clarivum.cli.unheard import go_on_unheard

app = group(
    no_args_is_help=True,
    help="Apply migrations, compare schemas, plan queries, draw the tables, serve a database.",
)
app.callback()(go_on_unheard)  # a push whose progress nobody reads is still to be finished
app.command(short_help="Write an empty migration.")(new)
app.command(short_help="Apply the pending migrations.")(push)
app.command(short_help="Compare the migrations with the history of a database.")(status)
app.command(short_help="Empty a database of this machine and apply all migrations.")(reset)
app.command(short_help="Run just the embedded database, until Ctrl-C.")(serve)
app.command(short_help="Write what supabase/schemas declares as a migration.")(diff)
app.command(short_help="Compare a live database with the migrations.")(drift)
app.command(short_help="Print the plan of each declared query at production size.")(plan)
app.command(short_help="Write the diagram and the list of tables into docs/architecture.md.")(erd)
