"""The requirements of Spark: pyspark, Java, a session, and the same rules on every worker."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trimtab.errors import SetupError
from trimtab.kernel.compilation import STAMP

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOCAL = re.compile(r"local(\[[^,\]]*\])?")
_PYTHON_SAYS = re.compile(r"^(?:trimtab\.errors\.)?(\w+Error: .+)$", re.MULTILINE)
_JAVA_SAYS = re.compile(r"^: (?:[\w.$]+: )?(.+)$", re.MULTILINE)
_JAVA = "install Java 17 or 21 (Debian: apt-get install openjdk-17-jre-headless), and set JAVA_HOME if it is not on the path"


def need_installed(*names: str) -> None:
    """Say what to install if a library that Spark needs is missing.

    Raises
    ------
    SetupError
        One of them is not installed.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise SetupError(f"{name} is not installed", "pip install 'trimtab[spark]'")


def need_java() -> None:
    """Say what to install if Java is missing; the search is Spark's own.

    Raises
    ------
    SetupError
        It is neither in `JAVA_HOME` nor on the path.
    """
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=None if home is None else f"{home}/bin") is None:
        where = "" if home is None else f" (JAVA_HOME is {home})"
        raise SetupError(f"Java, which Spark runs on, is missing{where}", _JAVA)


def check_rules(stamp: str) -> None:
    """Refuse to work for a driver whose rules differ: one batch, one set of rules.

    Raises
    ------
    SetupError
        The stamp of the driver's rules differs from that of the rules here.
    """
    if stamp != STAMP:
        advice = "install the same version of trimtab on both"
        raise SetupError("the rules of a worker differ from the driver's", advice)


@contextmanager
def session(master: str) -> Iterator[SparkSession]:
    """A session on a master (`spark://host:7077`, `yarn`, `local-cluster[2,1,1024]`), ended afterwards.

    Raises
    ------
    SetupError
        pyspark or Java is missing, Spark does not start, this process has a session already, or the master retries nothing.
    """
    need_installed("pyspark")
    need_java()
    if _LOCAL.fullmatch(master):
        advice = "leave it out on one machine; to try Spark, name local-cluster[2,1,1024]"
        raise SetupError(f"Spark retries nothing on {master!r}", advice)
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        problem = f"this process already has a Spark session, on {active.sparkContext.master!r}"
        raise SetupError(problem, "stop it first")
    with warnings.catch_warnings():
        # Spark asks for pandas before it hands over Arrow tables; no row goes through it.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        spark = _start(master)
        try:
            yield spark
        finally:
            spark.stop()


def _start(master: str) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    settings: dict[str, bool | float | int | str | None] = {"spark.ui.showConsoleProgress": "false"}
    settings["spark.log.level"] = "ERROR"
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark's own default is the `python3` of the path
        settings |= {"spark.ui.enabled": "false", "spark.driver.host": "localhost"}
    try:
        builder = SparkSession.builder.master(master).appName("trimtab")
        return builder.config(map=settings).getOrCreate()
    except (Py4JError, PySparkException) as error:
        if "JAVA_GATEWAY_EXITED" in str(error):
            problem, advice = "see its messages above", "give a master that Spark knows, and Java 17 or 21"
        else:
            problem, advice = reason_in(str(error)), "check the address, and Spark's messages above"
        raise SetupError(f"Spark does not start on {master!r} ({problem})", advice) from None


def reason_in(output: str) -> str:
    """The reason in pages of Spark's output: a worker's last error, else Java's message, else the first line."""
    python, java = _PYTHON_SAYS.findall(output), _JAVA_SAYS.findall(output)
    if python:
        return str(python[-1])
    return str(java[0]) if java else next(line for line in output.splitlines() if line.strip())
