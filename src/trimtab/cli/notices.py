"""The messages of a command on stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.text import printable

COMPILING_ACCOUNT, COMPILING_BLOCKS, COMPILING_ORDERS = 15, 30, 40  # seconds
_WITH_EXPOSURES = 1.5  # times as long


class Notices:
    """Notes, warnings and errors on stderr; `quiet` leaves only the errors."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def note(self, text: str) -> None:
        """A note."""
        if not self._quiet:
            _print("", [text], "")

    def warn(self, text: str) -> None:
        """A warning."""
        if not self._quiet:
            _print("warning: ", [text], "magenta")

    def error(self, *lines: str) -> None:
        """The reason for a missing result."""
        _print("error: ", lines, "bold red")

    def note_compiling(
        self, entry: Callable[..., object], seconds: float, exposures: type[tuple[object, ...]] | None = None
    ) -> None:
        """Announce that an entry of the kernel will be compiled, unless this machine has its code already.

        `exposures`: the class in which it is given exposures, if it is.
        """
        from trimtab.kernel.compilation import is_cached

        if not is_cached(entry, exposures):
            rules, times = ("rules", 1) if exposures is None else ("rules for exposures", _WITH_EXPOSURES)
            self.note(f"compiling the {rules} on this machine, once (about {seconds * times:.0f} s)")


def _print(prefix: str, lines: Sequence[str], style: str) -> None:
    """Print lines free of characters that could steer a terminal or break the line."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    text = Text.assemble((prefix, style), "\n".join(map(printable, lines)))
    console.print(text, soft_wrap=not console.is_terminal)  # in a file, one line stays one line
