"""``check`` on a terminal, up to the first line of what the first rows show; prints how many seconds that took."""

import os
import pty
import subprocess
import sys
import time

export, mapping = sys.argv[1:]
command = [sys.executable, "-m", "importer", "check", export, "--mapping", mapping]
ours, theirs = pty.openpty()
begun = time.monotonic()
with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
    os.close(theirs)
    said = b""
    while b"First " not in said:
        said += os.read(ours, 4096)
    print(time.monotonic() - begun)
    process.terminate()
