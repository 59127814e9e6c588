"""The events of a batch as they happen: lines of JSON for programs, or a bar and notices for people."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from trimtab.cli.exit_codes import ExitCode, exit_code_of
from trimtab.cli.notices import Notices
from trimtab.cli.progress import accounts_bar
from trimtab.errors import InputError
from trimtab.text import counted

if TYPE_CHECKING:
    from trimtab.batch.run import Event, Say


class JsonLines:
    """Events as lines of JSON on stdout, each with the time (UTC) and the id of this run."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(8)

    def say(self, event: Event) -> None:
        """Write one event."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        typer.echo(json.dumps({"time": time, "run": self._run, **event}, ensure_ascii=False))

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Write the error that ends a run early as an event, and raise it again."""
        try:
            yield
        except KeyboardInterrupt:
            self.say({"event": "interrupted", "exit_code": int(ExitCode.INTERRUPTED)})
            raise
        except Exception as error:
            faults = [fault.sentence() for fault in error.faults] if isinstance(error, InputError) else [str(error)]
            self.say({"event": "error", "exit_code": int(exit_code_of(error)), "errors": faults})
            raise


@contextmanager
def events_for_people(notices: Notices, *, quiet: bool) -> Iterator[Say]:
    """A bar while accounts are decided, and notices worth reading."""
    with accounts_bar(quiet=quiet) as bar:

        def say(event: Event) -> None:
            bar(event)
            if event.get("unused"):
                notices.note(f"columns not used: {', '.join(event['unused'])}")
            if event["event"] == "sorting":
                notices.note("the rows of some accounts are apart: sorting them first")
            if "missing" in event:
                many = counted(event["missing"], "holding")
                notices.warn(f"{many} of assets that --assets lacks: kept, without a score")
            if event["event"] == "planned" and event["kept"]:
                notices.note(f"{event['kept']} of {counted(event['parts'], 'part')} already done, kept")

        yield say
