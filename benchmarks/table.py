"""Results as a JSON file that grows, and as tables for people."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.bench import Line, Outcome

Results = dict[str, dict[str, Any]]

#: Percent of the processors in use by others from which on a machine is called busy.
_BUSY = 10.0


def entry(outcome: Outcome, *, machine: dict[str, str], sizes: str, seconds: float) -> dict[str, Any]:
    """A result as it is kept."""
    return {
        "lines": [asdict(line) | {"met": line.is_met} for line in outcome.lines],
        "peers": list(outcome.peers),
        "series": outcome.series,
        "skipped": outcome.skipped,
        "machine": machine,
        "sizes": sizes,
        "seconds": round(seconds, 1),
    }


def load(path: Path) -> Results:
    """What was measured so far; nothing if there is no file."""
    if not path.exists():
        return {}
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def save(path: Path, results: Results) -> None:
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def figure(value: float) -> str:
    """A number as a person wants it: three digits that count."""
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def words(line: Line) -> str:
    """A line as it is printed while measuring."""
    verdict = {None: "", True: "  ok", False: "  MISSED"}[line.is_met]
    goal = f"  (goal {line.goal})" if line.goal else ""
    detail = f"  [{line.detail}]" if line.detail else ""
    return f"  {line.what}: {figure(line.figure)} {line.unit}{goal}{verdict}{detail}"


def main_table(results: Results) -> str:
    """All lines, with their goals, and what they were measured on."""
    head = "| what | measured | goal | | behind it |\n|---|---:|---:|---|---|\n"
    body = "".join(_row(line) for result in results.values() for line in result["lines"])
    skipped = "".join(
        f"\nNot measured ({name}): {result['skipped']}.\n" for name, result in results.items() if result["skipped"]
    )
    return f"{_machine(results)}{_cautions(results)}\n{head}{body}{skipped}"


def _row(line: dict[str, Any]) -> str:
    goal = line["goal"]
    shown = "" if goal is None else f"{'≤' if goal['is_most'] else '≥'} {goal['bound']:,g}"
    verdict = {None: "", True: "met", False: "**missed**"}[line["met"]]
    measured = f"{figure(line['figure'])} {line['unit']}".rstrip()
    return f"| {line['what']} | {measured} | {shown} | {verdict} | {line['detail']} |\n"


def _machine(results: Results) -> str:
    if not results:
        return "Nothing was measured.\n"
    groups: dict[str, list[str]] = {}
    for name, result in results.items():
        groups.setdefault(_facts(result["machine"]), []).append(f"{name} ({result['sizes']})")
    days = sorted({result["machine"].get("date", "") for result in results.values()})
    when = " to ".join(dict.fromkeys((days[0], days[-1])))
    return f"{when} · " + "\n".join(f"{facts} · sizes: {', '.join(names)}\n" for facts, names in groups.items())


def _facts(machine: dict[str, str]) -> str:
    """Figures of several machines are not mixed under the name of one; what others did is told elsewhere."""
    return " · ".join(
        value if topic == "processor" else f"{topic} {value}"
        for topic, value in machine.items()
        if topic not in ("date", "others")
    )


def _cautions(results: Results) -> str:
    """What a reader must know before believing a figure."""
    text = ""
    small = [name for name, result in results.items() if result["sizes"] == "quick"]
    if small:
        text += f"\nOnly to see that it works, because of the small sizes of `--quick`: {', '.join(small)}.\n"
    others = {name: result["machine"].get("others", "") for name, result in results.items()}
    busy = [f"{name} ({share})" for name, share in others.items() if _percent(share) > _BUSY]
    if busy:
        text += (
            f"\nOthers were at work on this machine when these were measured: {', '.join(busy)}. There, what is read"
            " off a clock, as rows a second are, says little; ratios of CPU say more.\n"
        )
    return text


def _percent(share: str) -> float:
    number = share.removesuffix(" %")
    return float(number) if number.isdecimal() else 0.0


def peers_table(results: Results) -> str:
    """The importer and its peers."""
    table = results.get("peers", {}).get("peers", [])
    if not table:
        return "Not measured yet: `make bench`.\n"
    columns = list(table[0])
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(f"| {' | '.join(row[column] for column in columns)} |\n" for row in table)


def put_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- bench: NAME -->`` and ``<!-- /bench -->`` in a document."""
    document = path.read_text(encoding="utf-8")
    begin, end = f"<!-- bench: {name} -->\n", "<!-- /bench -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"{path} has no place for {name}")
    path.write_text(pattern.sub(lambda _: f"{begin}{text}{end}", document), encoding="utf-8")
