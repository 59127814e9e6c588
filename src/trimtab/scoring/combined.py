"""One score of two: the technical and the fundamental score of a day, and which of them an asset's score stands on."""

from __future__ import annotations

import polars as pl

from trimtab.scoring.ranks import SCORED, Scores, weighted_mean
from trimtab.scoring.weights import ScoreWeights


def combined_scores(technical: Scores, fundamental: Scores | None, weights: ScoreWeights | None = None) -> Scores:
    """The weighted mean of the two scores of each asset; where one is missing the other alone, and `basis` says which.

    Returns
    -------
    Scores
        With the columns `asset`, `score`, `confidence` (the weighted mean of the two, where there is no fundamental
        score at all that of the technical one), `basis` (`both`, `technical`, `fundamental`, empty without a score),
        `reason` (of the technical score, where there is none at all), `missing` (the inputs of either), and
        `technical_score`, `fundamental_score`. An asset whose prices a finding blocks has neither, so none.

    Examples
    --------
    >>> import datetime as dt
    >>> day = dt.date(2024, 1, 2)
    >>> columns = ("asset", "score", "confidence", "reason", "missing")
    >>> one = Scores(day, day, pl.DataFrame([("A", 0.5, 1.0, "", ""), ("B", 0.4, 1.0, "", "")], columns, orient="row"))
    >>> two = Scores(day, day, pl.DataFrame([("A", 1.0, 0.5, "", "pe")], columns, orient="row"))
    >>> combined_scores(one, two).table.select("asset", "score", "confidence", "basis").rows()
    [('A', 0.7, 0.8, 'both'), ('B', 0.4, 0.6, 'technical')]
    """
    weights = ScoreWeights() if weights is None else weights
    shares = {"technical_score": weights.technical_weight, "fundamental_score": weights.fundamental_weight}
    mine = technical.table.select("asset", "confidence", "reason", "missing", technical_score=pl.col("score"))
    if fundamental is None:
        shares = {"technical_score": 1.0, "fundamental_score": 0.0}
        other = mine.select("asset", fundamental_score=pl.lit(None, pl.Float64), sure=pl.lit(0.0), lost=pl.lit(""))
    else:
        other = fundamental.table.select(
            "asset", fundamental_score=pl.col("score"), sure=pl.col("confidence"), lost=pl.col("missing")
        )
    used = {name: share for name, share in shares.items() if share > 0}
    rows = mine.join(other, on="asset", how="left", maintain_order="left")
    total = sum(shares.values())
    sure = (
        pl.col("confidence") * shares["technical_score"] + pl.col("sure").fill_null(0.0) * shares["fundamental_score"]
    )
    there = {name: pl.col(name).is_not_null() if name in used else pl.lit(False) for name in shares}
    basis = (
        pl.when(there["technical_score"] & there["fundamental_score"])
        .then(pl.lit("both"))
        .when(there["technical_score"])
        .then(pl.lit("technical"))
        .when(there["fundamental_score"])
        .then(pl.lit("fundamental"))
        .otherwise(pl.lit(""))
    )
    table = rows.with_columns(
        weighted_mean(used).alias("score"),
        (sure / total).clip(0.0, 1.0).alias("confidence"),
        basis.alias("basis"),
        _joined("missing", "lost"),
    ).with_columns(pl.when(pl.col("score").is_null()).then("reason").otherwise(pl.lit(SCORED)).alias("reason"))
    columns = ["asset", "score", "confidence", "basis", "reason", "missing", *shares]
    return Scores(technical.date, technical.session, table.select(columns))


def _joined(*names: str) -> pl.Expr:
    """Texts with commas between those that are not empty."""
    given = [pl.when(pl.col(name) != "").then(name) for name in names]
    return pl.concat_str(given, separator=",", ignore_nulls=True).alias(names[0])
