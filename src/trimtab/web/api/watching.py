"""Operations for those who run the service: health and metrics."""

from __future__ import annotations

from trimtab.kernel.compilation import STAMP
from trimtab.web.api.calls import Answer, Call
from trimtab.web.api.metrics import MEDIA_TYPE


def health(call: Call) -> Answer:
    """Whether the service answers, and which trimtab it is."""
    document = {"status": "ok", "version": call.service.version, "rules": STAMP, "stores_runs": call.service.stores}
    return Answer(document)


def metrics(call: Call) -> Answer:
    """Counts and times."""
    return Answer(call.metrics.text(), media_type=MEDIA_TYPE)
