"""All checks of the chart. Run by tests/helm/run, which brings the tools."""

import pathlib
import sys
import tarfile
import tempfile
import time

import alarms
import deployed
import manifests
import refused
from harness import CHART, EXAMPLES, HELM, check, equal, failed, helm, passed, run, template


def main():
    print(run(HELM, "version", "--short").stdout.strip())
    for part in (packaged, manifests.main, refused.main, deployed.main, alarms.main):
        began = time.monotonic()
        part()
        print(f"{part.__module__}.{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    print(f"{len(passed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


def packaged():
    """The package holds all that is needed, nothing else, and makes the same objects."""
    with tempfile.TemporaryDirectory() as folder:
        answer = helm("package", CHART, "--destination", folder)
        check("helm package", answer.returncode == 0, answer.stderr)
        [package] = pathlib.Path(folder).glob("sceau-*.tgz")
        with tarfile.open(package) as archive:
            held = {name.removeprefix("sceau/") for name in archive.getnames()}
        there = {str(path.relative_to(CHART)) for path in CHART.rglob("*") if path.is_file()}
        equal("the package holds the folder", held, there)
        for example in EXAMPLES:
            equal(f"{example}: the package makes the same", template(example, chart=package).stdout, template(example).stdout)


if __name__ == "__main__":
    main()
