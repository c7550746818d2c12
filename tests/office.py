"""LibreOffice as a person uses it on a file: open it, look at it, save it. Tests ask for the fixture ``office``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ended import PATIENCE

SOFFICE = shutil.which("soffice")
#: Filters by what a person picks in the dialogue "Save as": delimiter and quote as code points, encoding (76 is UTF-8,
#: ANSI that of the system), first line.
CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1"
CSV_SEMICOLON = "csv:Text - txt - csv (StarCalc):59,34,76,1"
CSV_CP1252 = "csv:Text - txt - csv (StarCalc):59,34,ANSI,1"
#: Opened with "Detect special numbers" in German: dates, percentages, decimal commas.
GERMAN = "CSV:44,34,76,1,,1031,false,true"

_REGION = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{region}</value></prop></item></oor:items>
"""


class Office:
    """LibreOffice with settings of its own, which it keeps: to make them takes most of the time of a start.

    Args:
        profiles: A folder for the settings.
    """

    def __init__(self, profiles: Path) -> None:
        self._profiles = profiles

    def saved(self, path: Path, form: str, *, folder: Path, opened: str = "", region: str = "en-US") -> Path:
        """Open a file in LibreOffice and save it in ``folder``.

        Args:
            path: What is opened.
            form: The ending of a usual form, such as ``xlsx``, or one of the filters above.
            folder: Where to; the name stays.
            opened: The filter it is opened with; by default what LibreOffice takes it for.
            region: Language and country of the user.
        """
        assert SOFFICE is not None
        profile = self._profiles / region
        if not profile.exists():
            (profile / "user").mkdir(parents=True)
            (profile / "user/registrymodifications.xcu").write_text(_REGION.format(region=region), encoding="utf-8")
        filters = [f"--infilter={opened}"] if opened else []
        command = [SOFFICE, f"-env:UserInstallation={profile.as_uri()}", "--headless", *filters]
        command += ["--convert-to", form, "--outdir", str(folder), str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        result = folder / f"{path.stem}.{form.partition(':')[0]}"
        assert result.is_file(), "LibreOffice has saved nothing"
        return result
