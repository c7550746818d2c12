"""The demonstration: the main job on the sample exports, against the embedded sandbox."""

from __future__ import annotations

from pathlib import Path

from importer.bundled import bundled
from importer.cli.output import complain, say
from importer.cli.progress import watching
from importer.cli.run_page import say_run
from importer.errors import ExitCode
from importer.pipeline.run import run_import
from importer.settings import Settings

#: Requests per second: slow enough for the progress bar to be seen.
_RATE = 200.0
_SAMPLES = (("zendesk-tickets.csv", "zendesk"), ("servicenow-incidents.xlsx", "servicenow"))
#: What an earlier demonstration wrote into its folders, and nothing else.
_ENDINGS = ("", ".mark", "-wal", "-shm", ".sandbox", ".sandbox-wal", ".sandbox-shm")


def show_demo(out: Path) -> int:
    """Import each sample afresh into ``out``; returns the exit code.

    Some rows of the samples are wrong on purpose, so a demonstration that works ends its runs with "some rows failed".
    """
    settings = Settings(sandbox=True, rate=_RATE)
    for name, mapping in _SAMPLES:
        folder = out / name.split(".", 1)[0]
        for ending in _ENDINGS:
            (folder / f"ledger.db{ending}").unlink(missing_ok=True)
        sample = bundled("sample_data") / name
        with watching(quiet=False) as progress:
            result = run_import(sample, mapping, out=folder, settings=settings, progress=progress)
        say_run(result)
        say()
        if result.exit_code != ExitCode.ROWS_FAILED:
            complain(f"the demo import of {name} failed with exit code {result.exit_code}")
            return int(result.exit_code) or 1
    say("Some sample rows are invalid on purpose: see the failures.csv files above.")
    say("Next: case-importer check YOUR-EXPORT.csv --mapping YOUR-MAPPING.yml")
    return 0
