"""How Chromium comes onto a machine: with an apt-get of the test's own that notes what it was asked."""

import multiprocessing
import os
from pathlib import Path

import pytest

from clarivum.testing import browser
from clarivum.testing.browser import BrowserError, find_chromium, install_chromium

APT_GET = """#!/bin/sh
echo "$*" >> "{log}"
if [ "$1" = install ]; then
  {install}
fi
"""
INSTALLS = 'printf "#!/bin/sh\\n" > "{place}/chromium"; chmod +x "{place}/chromium"'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but for the shell's own tools, with nothing in it."""
    place = tmp_path / "bin"
    place.mkdir()
    for tool in ("sh", "chmod"):
        (place / tool).symlink_to(Path("/bin") / tool)
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr(browser, "LOCK", tmp_path / "chromium.lock")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return place


def with_apt_get(place: Path, install: str) -> Path:
    """Put an apt-get there; the file that it notes its calls in."""
    log = place / "asked"
    (place / "apt-get").write_text(APT_GET.format(log=log, install=install.format(place=place)))
    (place / "apt-get").chmod(0o755)
    return log


def test_what_is_there_is_found(place: Path) -> None:
    assert find_chromium() is None
    (place / "google-chrome").write_text("")
    (place / "google-chrome").chmod(0o755)
    assert find_chromium() == str(place / "google-chrome")
    assert install_chromium() == str(place / "google-chrome")


def test_it_is_installed_once_however_many_ask(place: Path) -> None:
    log = with_apt_get(place, INSTALLS)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.starmap(install_chromium, [()] * 4)
    assert set(found) == {str(place / "chromium")}
    assert log.read_text().splitlines() == ["update -qq", "install -y -qq --no-install-recommends chromium"]


def test_a_failed_installation_says_what_to_do(place: Path) -> None:
    with pytest.raises(BrowserError, match="no apt-get"):
        install_chromium()
    with_apt_get(place, 'echo "E: no network" >&2; exit 100')
    with pytest.raises(BrowserError, match=r"ended with 100; install Chromium yourself[^\n]*\nE: no network"):
        install_chromium()
    with_apt_get(place, ":")
    with pytest.raises(BrowserError, match="still no Chromium"):
        install_chromium()


def test_whoever_is_not_root_is_told_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_apt_get(place, INSTALLS)
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    with pytest.raises(BrowserError, match="needs root"):
        install_chromium()
