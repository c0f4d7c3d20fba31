"""What start-up makes lives as long as the process: the garbage collector need not look at it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def permanent() -> Iterator[None]:
    """Around a package's imports: collect nothing meanwhile, and never look at what is there at the end.

    An import makes a hundred thousand objects and no garbage; looking for some is a tenth of its time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def keep() -> None:
    """Collect once, and look at nothing that is there now ever again."""
    gc.collect()
    gc.freeze()
