"""A process that reads one side, so that base and head are loaded apart: `-m clarivum.checks.review TARGET ROOT …`.

It writes the side as one line of JSON, then for each line with keys of queries one line with their plans. What the
application prints goes to standard error. A line that begins with `!` is an error's message; the process then ends.
"""

import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import BinaryIO

from clarivum.checks.review.gathering import Gathering
from clarivum.checks.review.side import PLANS, SIDE, WANTED
from clarivum.errors import ClarivumError

FAILED = b"!"


def main(target: str, root: str, today: str, postgres: str) -> int:
    """Serve the side until standard input ends."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        try:
            with Gathering(target, Path(root), today=date.fromisoformat(today), postgres=int(postgres)) as gathering:
                _answer(answers, SIDE.dump_json(gathering.read()))
                for line in sys.stdin.buffer:
                    _answer(answers, PLANS.dump_json(gathering.plan(WANTED.validate_json(line))))
        except ClarivumError as error:
            _answer(answers, FAILED + error.detail.replace(f"{root}/", "").encode())
            return 1
    return 0


def _answer(answers: BinaryIO, line: bytes) -> None:
    answers.write(line.replace(b"\n", b" ") + b"\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
