"""Lines arrive whole, in order and completely, and a stuck reader costs lines, never time."""

import os
import threading

import pytest

from clarivum.telemetry.line_writer import MAX_PENDING_LINES, LineWriter


class Reader:
    """The far end of a pipe, read to its end in a thread once `start` was called."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.data = b""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        with os.fdopen(self.read_end, "rb") as source:
            self.data = source.read()

    def lines(self) -> list[bytes]:
        os.close(self.write_end)
        self._thread.join(20)
        return self.data.split(b"\n")[:-1]


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_all_lines_arrive_in_order_by_close(reader: Reader):
    reader.start()
    writer = LineWriter(reader.write_end)
    for number in range(20_000):
        writer.write(b"%d" % number)
    assert writer.close()
    assert reader.lines() == [b"%d" % number for number in range(20_000)]


def test_threads_do_not_mix_their_lines(reader: Reader):
    reader.start()
    writer = LineWriter(reader.write_end)

    def work(name: bytes) -> None:
        for number in range(2_000):
            writer.write(name * 200 + b" %d" % number)

    threads = [threading.Thread(target=work, args=(name,)) for name in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close()
    lines = reader.lines()
    for name in (b"a", b"b", b"c", b"d"):
        mine = [line for line in lines if line.startswith(name)]
        assert mine == [name * 200 + b" %d" % number for number in range(2_000)]
    assert len(lines) == 8_000


def test_flush_waits_until_everything_is_written(reader: Reader):
    writer = LineWriter(reader.write_end)
    writer.write(b"one")
    assert writer.flush()
    assert os.read(reader.read_end, 100) == b"one\n"
    assert writer.flush()
    writer.close()


def test_after_close_lines_are_written_at_once(reader: Reader):
    writer = LineWriter(reader.write_end)
    writer.write(b"before")
    assert writer.close()
    writer.write(b"after")
    writer.write(b"and after")
    assert os.read(reader.read_end, 100) == b"before\nafter\nand after\n"
    assert writer.close()


def test_a_stuck_reader_costs_lines_and_they_are_counted(reader: Reader):
    told = []
    writer = LineWriter(reader.write_end, told.append)
    writer.write(b"x" * 1_000_000)
    while writer._lines:  # the thread has taken it, and hangs in a pipe that holds 64 KiB
        writer.flush(0.01)
    for _ in range(MAX_PENDING_LINES + 123):
        writer.write(b"y")
    assert not writer.flush(0.05)
    reader.start()
    assert writer.flush(20)
    assert writer.close()
    assert len(reader.lines()) == 1 + MAX_PENDING_LINES
    assert told == [123]


def test_a_reader_that_went_away_stops_nothing(reader: Reader):
    os.close(reader.read_end)
    writer = LineWriter(reader.write_end)
    writer.write(b"x")
    assert writer.flush()
    writer.write(b"y")
    assert writer.close()
    os.close(reader.write_end)


def test_a_descriptor_made_non_blocking_gets_every_line(reader: Reader):
    os.set_blocking(reader.write_end, False)
    writer = LineWriter(reader.write_end)
    for number in range(20_000):
        writer.write(b"%020d" % number)
    reader.start()
    assert writer.close(20)
    assert len(reader.lines()) == 20_000


def test_a_forked_child_writes_its_own_lines_only(reader: Reader):
    writer = LineWriter(reader.write_end)
    writer.write(b"parent")
    child = os.fork()
    if child == 0:
        writer.write(b"child")
        os._exit(0 if writer.close() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert writer.close()
    reader.start()
    assert sorted(reader.lines()) == [b"child", b"parent"]
