"""The file of exposures of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.batch.published_folder import sha256_of
from trimtab.candidates.exposures import Exposures
from trimtab.errors import Fault, InputError
from trimtab.files.exposure_file import read_exposures


@dataclass(frozen=True)
class ExposureFile:
    """The exposures in a file, with what tells it from another one."""

    path: Path
    table: Exposures
    sha256: str | None

    @classmethod
    def read(cls, place: str) -> ExposureFile:
        """The exposures in a file.

        Raises
        ------
        InputError
            It cannot be read, or its table is refused: file, row, column and value.
        """
        path = Path(place)
        digest = sha256_of(path)
        return cls(path, read_exposures(path), digest)

    @property
    def described(self) -> list[dict[str, Any]]:
        """The file in the identity of a batch, as the other inputs are listed there."""
        return [{"name": self.path.name, "rows": len(self.table.fraction), "sha256": self.sha256}]

    def check_unchanged(self) -> None:
        """Refuse a file that changed since it was read.

        Raises
        ------
        InputError
            It did.
        """
        if sha256_of(self.path) != self.sha256:
            advice = "let nothing write to it, remove .unpublished in --out, and run again"
            raise InputError([Fault("was changed while the batch was running", advice)], str(self.path))
