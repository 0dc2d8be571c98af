"""The progress bar: seen by people, never by files."""

import io

import pytest
from django.core.management.base import OutputWrapper

from otp.operations.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def started(monkeypatch):
    """The clock of the bar: give it a later time to make the command a long one."""
    clock = {"now": 100.0}
    monkeypatch.setattr("otp.operations.progress.time.monotonic", lambda: clock["now"])
    return clock


def run(stream, clock, seconds):
    with ProgressBar(OutputWrapper(stream), "Reading") as bar:
        clock["now"] += seconds
        bar.tell(1, 4)
        bar.tell(4, 4)
    return stream.getvalue()


def test_shows_how_far_a_long_command_is(started):
    said = run(Terminal(), started, 2)

    assert "\rReading [#######.......................]  25 %" in said
    assert said.endswith("100 %\n")


@pytest.mark.parametrize(("stream", "seconds"), [(io.StringIO(), 2), (Terminal(), 0.1)], ids=["file", "quick"])
def test_is_silent_in_a_file_and_for_what_is_quick(stream, seconds, started):
    assert run(stream, started, seconds) == ""


def test_nothing_to_do_is_no_progress(started):
    stream = Terminal()
    with ProgressBar(OutputWrapper(stream), "Reading") as bar:
        started["now"] += 2
        bar.tell(0, 0)

    assert stream.getvalue() == ""
