"""The gaps of a table of exposures: the candidates, or the parts of them, that count as `Unknown`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trimtab.bucket_path import UNKNOWN
from trimtab.candidates.exposures import WHOLE, Exposures
from trimtab.errors import listed
from trimtab.text import counted, percent


def gaps(exposures: Exposures, assets: Collection[str], schemes: Collection[str]) -> Iterator[str]:
    """Sentences for each scheme: who is not in it, and who only in part.

    >>> from trimtab.candidates.exposures import exposures_of
    >>> table = exposures_of([{"asset": "WORLD", "scheme": "country", "bucket": "US", "fraction": 0.6}])
    >>> list(gaps(table, ("AAPL", "WORLD"), ("country",)))
    ['1 candidate without country, counted as Unknown: AAPL', 'country is Unknown for 40.00% of WORLD']
    """
    known: dict[tuple[str, str], dict[object, float]] = {}
    for account, asset, scheme, bucket, fraction in exposures.rows:
        if bucket != UNKNOWN:
            own = known.setdefault((scheme, asset), {})
            own[account] = own.get(account, 0.0) + fraction
    for scheme in schemes:
        missing = [asset for asset in assets if (scheme, asset) not in known]
        if missing:
            yield f"{counted(len(missing), 'candidate')} without {scheme}, counted as {UNKNOWN}: {listed(missing)}"
        parts = {asset: 1 - min(known[scheme, asset].values()) for asset in assets if (scheme, asset) in known}
        open_parts = [f"{percent(part)} of {asset}" for asset, part in parts.items() if part > WHOLE]
        if open_parts:
            yield f"{scheme} is {UNKNOWN} for {listed(open_parts)}"
