"""Chromium for tests: found, or installed once with apt-get, and driven by Playwright."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOCK = Path(__file__).resolve().parents[3] / ".clarivum" / "chromium.lock"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL_TIMEOUT_S = 600.0
HOW = "install Chromium yourself: apt-get install -y --no-install-recommends chromium"
# A browser of its own accord fetches updates, lists and suggestions; in a test nothing but the test goes out.
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class BrowserError(Exception):
    """There is no Chromium, and it could not be installed; the message says what to do."""


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


def install_chromium() -> str:
    """The path of Chromium, installed with apt-get unless one is there; safe from several processes at once.

    Takes a minute or two. Raises BrowserError where there is no apt-get, no root, or no answer from the archive.
    """
    with _only_installer():
        found = find_chromium()
        if found is not None:
            return found
        if shutil.which("apt-get") is None:
            raise BrowserError(f"no Chromium on PATH, and no apt-get to get it with; {HOW}")
        if os.geteuid() != 0:
            raise BrowserError(f"no Chromium on PATH, and apt-get needs root; {HOW}")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        found = find_chromium()
    if found is None:
        raise BrowserError(f"apt-get ended well, and there is still no Chromium on PATH; {HOW}")
    return found


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A headless browser, closed at the end. Each `new_context()` is a person with cookies of their own."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a second, and only browser tests need it

    executable = find_chromium() or install_chromium()
    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _only_installer() -> Iterator[None]:
    """Hold the lock file; the kernel lets it go when this process ends, however it ends."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise BrowserError(f"`{' '.join(command)}` did not end within {INSTALL_TIMEOUT_S:g} s; {HOW}") from None
    if done.returncode != 0:
        raise BrowserError(f"`{' '.join(command)}` ended with {done.returncode}; {HOW}\n{done.stderr[-2_000:]}")
