"""Reads every page of LMDB environments, as a child process: damage may kill the reader (security.md).

Run by file name with their directories as arguments; imports nothing of this package. Exits 0 when all are sound, 65
(EX_DATAERR) with the damage in its last line.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import lmdb


def check(directory: str) -> str | None:
    """What is wrong with the file, or None: structure, then a scan with a point look-up of every key."""
    try:
        verifier: Any = importlib.import_module("lmdb.verify")
    except ImportError:  # lmdb < 3 has no offline verifier; the scan below still finds what a reader can find
        pass
    else:
        try:
            problems = [str(problem) for problem in verifier.verify(directory, subdir=True)]
        except verifier.VerifyError as error:
            problems = [str(error)]
        if problems:
            return problems[0]
    with (
        lmdb.open(directory, readonly=True, lock=False, create=False, max_dbs=64) as environment,
        environment.begin() as txn,
    ):
        for name in [bytes(key) for key, _ in txn.cursor()]:
            table = environment.open_db(name, txn=txn, create=False)
            for key, value in txn.cursor(table):
                if txn.get(key, db=table) != value:
                    return f"a key of {name.decode(errors='replace')} is found by scan but not by look-up"
    return None


if __name__ == "__main__":
    for directory in sys.argv[1:]:
        try:
            problem = check(directory)
        except lmdb.Error as error:
            problem = str(error)
        if problem is not None:
            sys.stderr.write(f"{directory}: {problem}\n")
            sys.exit(65)
