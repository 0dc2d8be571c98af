"""A progress bar for commands that take long. Only where a person looks at it."""

import time
from typing import Any, Self

WIDTH = 30
# A command that is done by then needs none.
APPEARS_AFTER = 0.5


class ProgressBar:
    """`with ProgressBar(self.stderr, "Rolling up") as bar: bar.tell(done, of)`. Silent where stderr is no terminal."""

    def __init__(self, stream: Any, title: str) -> None:
        self.stream, self.title = stream, title
        self.is_wanted = stream.isatty()
        self.is_shown = False
        self.started = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Show how much is done."""
        if not self.is_wanted or not of or time.monotonic() - self.started < APPEARS_AFTER:
            return
        filled = WIDTH * min(done, of) // of
        self.is_shown = True
        line = f"\r{self.title} [{'#' * filled}{'.' * (WIDTH - filled)}] {100 * min(done, of) // of:3} %"
        self.stream.write(line, ending="")
        self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        if self.is_shown:
            self.stream.write("")
