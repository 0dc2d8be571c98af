"""A clock that one site alone lives by, and that can jump while it runs. Needs Debian's package `faketime`."""

import http.client
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

LIBRARY = "faketime/libfaketimeMT.so.1"
NEEDED = "This needs libfaketime, which is not on this machine: apt-get install faketime."
TOLERANCE_SECONDS = 2
# Limits of a site that lives by such a clock: low enough for one person to reach.
SENDS_PER_ADDRESS = 5
SENDS_PER_DESTINATION = 3


class ClockMissing(Exception):
    """libfaketime is not installed, or does not move the site's clock."""


def find_library() -> Path:
    """Find libfaketime.

    :raises ClockMissing: when it is not installed
    """
    for folder in (Path("/usr/lib"), Path("/usr/local/lib")):
        if found := [*folder.glob(LIBRARY), *folder.glob(f"*/{LIBRARY}")]:
            return found[0]
    raise ClockMissing(NEEDED)


@dataclass
class FalseClock:
    """How many seconds a site's clock is ahead of the machine's: a file that libfaketime reads at each look."""

    file: Path
    offset: int = 0

    def __post_init__(self) -> None:
        self._write()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(find_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            # A jump moves no clock but that of the wall: timeouts keep their length, and files their times.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def jump(self, offset: int) -> None:
        """Put the clock so far ahead of the machine's; behind it when negative."""
        self.offset = offset
        self._write()

    def raise_if_wrong(self, port: int) -> None:
        """Ask the site what time it is.

        :raises ClockMissing: when it does not live by this clock
        """
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/healthz")
        said = parsedate_to_datetime(connection.getresponse().headers["Date"]).timestamp()
        connection.close()
        if abs(said - time.time() - self.offset) > TOLERANCE_SECONDS:
            raise ClockMissing(f"The site's clock is {said - time.time():+.0f} s off, not {self.offset:+} s.")

    def _write(self) -> None:
        # At once: a file that is half written would be another time.
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.offset:+}s\n")
        new.replace(self.file)
