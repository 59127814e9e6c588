"""One score from the technical and the fundamental score of a day, and which of them each asset has."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from trimtab.scoring.ranks import SCORED, Scores, weighted_mean
from trimtab.scoring.weights import ScoreWeights


def combined_scores(technical: Scores, fundamental: Scores | None, weights: ScoreWeights | None = None) -> Scores:
    """The weighted mean of each asset's two scores; if one is missing, the other alone. `basis` says which.

    Returns
    -------
    Scores
        With the columns `asset`, `score`, `confidence` (the weighted mean of the two; of the technical score alone if no
        fundamental scores are given), `basis` (`both`, `technical`, `fundamental`, empty without a score), `reason` (of
        the technical score, for an asset without any), `missing` (the inputs of either), `technical_score` and
        `fundamental_score`. An asset whose prices a finding blocks has neither.

    Examples
    --------
    >>> import datetime as dt
    >>> day = dt.date(2024, 1, 2)
    >>> columns = ("asset", "score", "confidence", "reason", "missing")
    >>> rows = [("A", 0.5, 1.0, "", ""), ("B", 0.4, 1.0, "", "")]
    >>> technical = Scores(day, day, pl.DataFrame(rows, columns, orient="row"))
    >>> fundamental = Scores(day, day, pl.DataFrame([("A", 1.0, 0.5, "", "pe")], columns, orient="row"))
    >>> combined_scores(technical, fundamental).table.select("asset", "score", "confidence", "basis").rows()
    [('A', 0.7, 0.8, 'both'), ('B', 0.4, 0.6, 'technical')]
    """
    weights = ScoreWeights() if weights is None else weights
    shares = {"technical_score": weights.technical_weight, "fundamental_score": weights.fundamental_weight}
    ours = technical.table.select("asset", "confidence", "reason", "missing", technical_score=pl.col("score"))
    columns = {
        "fundamental_score": pl.col("score"),
        "confidence_f": pl.col("confidence"),
        "missing_f": pl.col("missing"),
    }
    if fundamental is None:
        shares = {"technical_score": 1.0, "fundamental_score": 0.0}
        columns = {"fundamental_score": pl.lit(None, pl.Float64), "confidence_f": pl.lit(0.0), "missing_f": pl.lit("")}
    theirs = (fundamental or technical).table.select("asset", **columns)
    used = {name: share for name, share in shares.items() if share > 0}
    rows = ours.join(theirs, on="asset", how="left", maintain_order="left")
    total = sum(shares.values())
    confidence = (
        pl.col("confidence") * shares["technical_score"]
        + pl.col("confidence_f").fill_null(0.0) * shares["fundamental_score"]
    )
    has = {name: pl.col(name).is_not_null() if name in used else pl.lit(False) for name in shares}
    basis = (
        pl.when(has["technical_score"] & has["fundamental_score"])
        .then(pl.lit("both"))
        .when(has["technical_score"])
        .then(pl.lit("technical"))
        .when(has["fundamental_score"])
        .then(pl.lit("fundamental"))
        .otherwise(pl.lit(""))
    )
    table = rows.with_columns(
        weighted_mean(used).alias("score"),
        (confidence / total).clip(0.0, 1.0).alias("confidence"),
        basis.alias("basis"),
        _joined("missing", "missing_f"),
    ).with_columns(pl.when(pl.col("score").is_null()).then("reason").otherwise(pl.lit(SCORED)).alias("reason"))
    return replace(technical, table=table.select("asset", "score", "confidence", "basis", "reason", "missing", *shares))


def _joined(*names: str) -> pl.Expr:
    """Texts that are not empty, with commas between them."""
    texts = [pl.when(pl.col(name) != "").then(name) for name in names]
    return pl.concat_str(texts, separator=",", ignore_nulls=True).alias(names[0])
