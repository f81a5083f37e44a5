#!/usr/bin/env python3
"""coverage.py LCOV MINIMUM: fails when a `domain/` or `app/` folder of a context has fewer lines covered, in percent.

Those are the folders where the rules are. The lines of the tests that stand in the same files do not count: they
would always be covered and lift the number.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

RULES = re.compile(r"crates/[a-z_]+/src/(?:domain|app)/")
ROOT = Path(__file__).resolve().parent.parent


def first_test_line(path: Path) -> int:
    """The line where the file's own tests begin; they stand at its end."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#[cfg(test)]"):
            return number
    return sys.maxsize


def read(report: Path) -> dict[str, dict[int, bool]]:
    """For every file of the report below a rules folder: its lines, and whether each was reached."""
    files: dict[str, dict[int, bool]] = defaultdict(dict)
    lines, limit = None, 0
    for record in report.read_text(encoding="utf-8").splitlines():
        if record.startswith("SF:"):
            path = Path(record[3:])
            inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).as_posix()
            lines = files[inside] if inside and RULES.match(inside) else None
            limit = first_test_line(path) if lines is not None else 0
        elif record.startswith("DA:") and lines is not None:
            number, count = (int(part) for part in record[3:].split(",")[:2])
            if number < limit:
                lines[number] = lines.get(number, False) or count > 0
    return files


def main() -> None:
    report, minimum = Path(sys.argv[1]), float(sys.argv[2])
    folders: dict[str, list[bool]] = defaultdict(list)
    missed: dict[str, list[str]] = defaultdict(list)
    for path, lines in sorted(read(report).items()):
        folder = RULES.match(path).group().rstrip("/")
        folders[folder] += lines.values()
        unreached = sorted(number for number, reached in lines.items() if not reached)
        if unreached:
            missed[folder].append(f"    {path}: {', '.join(map(str, unreached))}")
    # A folder that no test reaches at all is in no report: look for it on the disk.
    for folder in ROOT.glob("crates/*/src/*"):
        if folder.name in ("domain", "app") and any(folder.rglob("*.rs")):
            folders.setdefault(folder.relative_to(ROOT).as_posix(), [])
    if not folders:
        sys.exit("there is no domain/ or app/ folder: what is this measuring?")
    failed = False
    for folder, reached in sorted(folders.items()):
        percent = 100 * sum(reached) / len(reached) if reached else 0.0
        print(f"{percent:6.1f} %  {sum(reached):5} of {len(reached):5} lines  {folder}")
        for line in missed[folder]:
            print(line)
        failed |= percent < minimum
    if failed:
        sys.exit(f"below {minimum:.0f} %")


main()
