"""The command line: arguments in, words and exit codes out. Everything else is in the library."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from types import FrameType

import click

from importer.cli.output import complain
from importer.errors import CaseImporterError, ConfigError, ExitCode, ResourceError, no_descriptors

#: Objects made before the garbage collector looks for reference cycles. Python's default of 700 costs a twentieth of an
#: import, whose objects are freed without it.
_COLLECT_AFTER = 50_000


def main() -> None:
    """Entry point: the only place that turns exceptions into messages and exit codes."""
    gc.set_threshold(_COLLECT_AFTER)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # pandas multiplies no matrices here; each thread takes memory
    _fill_streams()
    os.umask(0o077)  # ledgers and reports hold customers' data
    _dump_no_core()
    ended = _end_on_signals()
    code = 0
    try:
        from importer.cli.commands import cli  # takes a moment in which Ctrl-C may come

        code = cli.main(standalone_mode=False) or 0
    except CaseImporterError as error:
        code = _fail(error)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = _fail(_Interrupted(has_heard=bool(ended)))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        code = _fail(_usage(error))
    except Exception as error:
        lacking = _lacking(error)
        if lacking is None:
            raise
        code = _fail(lacking)
    _leave(code)


def _fill_streams() -> None:
    """Some schedulers start programs with all streams closed; no file of ours may get their numbers."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    # Never closed: they stand in for the streams for as long as we run.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _dump_no_core() -> None:
    """The memory of this process has secrets and customers' data in it; no crash may write it to disk."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_on_signals() -> list[int]:
    """From now on SIGTERM and SIGHUP end a command as Ctrl-C does, so that nothing is left in temporary folders.

    Returns the list that gets the number of such a signal. A signal that is ignored (``nohup``) stays ignored.
    """
    ended: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)
        on_ctrl_c = signal.getsignal(signal.SIGINT)  # of the event loop, if one is running
        if not callable(on_ctrl_c):
            raise KeyboardInterrupt
        on_ctrl_c(signal.SIGINT, frame)

    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", None)):
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
    return ended


class _Interrupted(CaseImporterError):
    """A signal came before anything was under way that has an end of its own."""

    def __init__(self, *, has_heard: bool) -> None:
        super().__init__("terminated" if has_heard else "interrupted")
        self.exit_code = ExitCode.TERMINATED if has_heard else ExitCode.INTERRUPTED


def _fail(error: CaseImporterError) -> ExitCode:
    """Print why a command failed, with ``--json`` also as its one object; returns the exit code."""
    complain(str(error))
    words = sys.argv[1:]
    if "--json" in words:
        from importer.cli.output import say_document
        from importer.verbs.results import Failed, Problem, as_json

        command = next((word for word in words if not word.startswith("-")), "")
        code = error.exit_code
        failed = Failed(
            command=command,
            exit_code=code,
            meaning=code.name.lower(),
            error=Problem(error.what, error.where, error.hint),
        )
        say_document(as_json(failed))
    return error.exit_code


def _usage(error: click.ClickException) -> ConfigError:
    """A wrong command line in the form of all other errors, with the help of the command as its hint."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message().rstrip(".")
    text = message[:1].lower() + message[1:]
    hint = f"{context.command_path} --help" if context is not None else ""
    if "unexpected extra argument" in text:
        hint = f"put a path with spaces in quotes; {hint}"
    return ConfigError(text, hint=hint)


def _lacking(error: BaseException) -> ResourceError | None:
    """What the machine lacked, if an error came of that. It can happen anywhere, also while something is tidied up."""
    cause: BaseException | None = error
    while cause is not None:
        is_import = isinstance(cause, ImportError) and "failed to map" in str(cause)  # a library that found no room
        if isinstance(cause, MemoryError) or is_import:
            return ResourceError("not enough memory", hint="close other programs, then run the same command again")
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
            return no_descriptors()
        cause = cause.__context__
    return None


def _leave(code: int) -> None:
    """Exit with ``code`` even if the reader of our output has gone."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(int(code))
