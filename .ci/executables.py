#!/usr/bin/env python3
"""Reads cargo's JSON messages and prints every executable that it built from this workspace, one a line."""

import json
import sys

seen = set()
for line in sys.stdin:
    if not line.startswith("{"):
        continue
    message = json.loads(line)
    executable = message.get("executable")
    if message.get("reason") == "compiler-artifact" and executable and executable not in seen:
        seen.add(executable)
        print(executable)
if not seen:
    sys.exit("cargo named no executable: did the build fail?")
