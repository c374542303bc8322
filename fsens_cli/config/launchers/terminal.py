"""Processes of submitit that Ctrl-C in the terminal does not reach.

submitit starts a process of this machine with ``subprocess.Popen`` and has no public way to say how. Left in the
terminal's group, each process would print a traceback where Ctrl-C met it, beside the one line that fsens prints. So
the name ``subprocess`` of ``submitit.local.local`` stands for another one while a job is started. Where that module has
no such name any more, jobs run all the same, with those words; a test says so in one sentence.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace


@contextmanager
def out_of_the_terminal() -> Iterator[None]:
    """Let submitit start processes in sessions of their own; what a job prints goes to its log in any case."""
    from submitit.local import local

    theirs = getattr(local, "subprocess", None)
    if theirs is None:
        yield
        return
    popen = partial(subprocess.Popen, start_new_session=True, stderr=subprocess.DEVNULL)
    local.subprocess = SimpleNamespace(Popen=popen)
    try:
        yield
    finally:
        local.subprocess = theirs
