"""Runs the tests of the chart: `run.py MODE NAME`, started by scripts/chart-test.sh."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import static


class Runner:
    def __init__(self, only: str):
        self.only, self.passed, self.failed = only, 0, []

    def run(self, name: str, body):
        if self.only not in name:
            return
        began = time.monotonic()
        try:
            body()
        except Exception as error:  # noqa: BLE001 (a test may fail in any way)
            self.failed.append(name)
            print(f"FAILED {name}: {error}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
        else:
            self.passed += 1
            print(f"ok     {name} ({time.monotonic() - began:.1f} s)", flush=True)


def main() -> int:
    mode, only = sys.argv[1], sys.argv[2]
    if mode == "bless":
        static.bless()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    runner = Runner(only)
    began = time.monotonic()
    for name, body in static.tests():
        runner.run(name, body)
    if mode != "lint-only":
        import live

        with tempfile.TemporaryDirectory(prefix="mc-chart-") as folder:
            live.run(runner, Path(os.environ["MC_KUBE_BIN"]), Path(folder))
    for name in runner.failed:
        print(f"failed: {name}")
    print(f"chart tests took {time.monotonic() - began:.0f} s")
    print(f"{runner.passed} passed, {len(runner.failed)} failed")
    return 1 if runner.failed or not runner.passed else 0


if __name__ == "__main__":
    sys.exit(main())
