"""What happens to a note after it was written."""

from uuid import UUID

from clarivum.jobs import Payload, Run, job
from clean_backend.notes.queries import queries


class TidyNote(Payload):
    """Tidy a note."""

    note_id: UUID


@job(TidyNote, name="notes.tidy", key="note_id", timeout_s=5)
async def tidy_note(payload: TidyNote, run: Run) -> None:
    """Mark the note as done."""
    await run.transaction.execute(queries.mark_done, note_id=payload.note_id)
