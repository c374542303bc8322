"""Signals that end a command, met in order: the run says how it ended and how to go on."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# A closed terminal and the systems that stop jobs (Slurm, Docker, init) send these.
ENDING = ("SIGTERM", "SIGHUP")


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """While active, SIGTERM and SIGHUP end the command as Ctrl-C does; of several, the first counts."""
    met = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal met
        del frame
        if not met:
            met = True
            raise KeyboardInterrupt(f"by {signal.Signals(number).name}")

    with _handling(ENDING, end):
        yield


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """While active, SIGINT, SIGTERM and SIGHUP set ``stop``; a second SIGINT ends at once."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    with _handling(("SIGINT", *ENDING), on_signal):
        yield


@contextmanager
def _handling(names: tuple[str, ...], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals; one that whoever started the command wants ignored (nohup) stays ignored."""
    before = {}
    # Only the main thread may set handlers; a job in another one is stopped by its launcher.
    if threading.current_thread() is threading.main_thread():
        for name in names:
            number = getattr(signal, name, None)  # Windows lacks some
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
