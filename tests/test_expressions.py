"""Regular expressions that read the texts of others take time in proportion to them, whatever they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Finds every expression of the package by its name, feeds it with repeats of what it looks for, and names each before.
SWEEP = r'''
import ast, importlib, itertools, pathlib, re, resource, sys
SIZE, SECONDS = int(sys.argv[1]) * 1024, int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
METHODS = {"search", "match", "fullmatch", "sub", "findall", "split", "finditer"}

def compiled(node):
    return [call for call in ast.walk(node) if isinstance(call, ast.Call) and ast.unparse(call.func) == "re.compile"]

def expressions(value):
    if isinstance(value, re.Pattern):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [each for each in values if isinstance(each, re.Pattern)]

names, used = {}, {}
for path in sorted(pathlib.Path("importer").rglob("*.py")):
    tree = ast.parse(path.read_text("utf-8"))
    module = ".".join(path.with_suffix("").parts)
    for statement in tree.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and compiled(statement):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            names[module, target.id] = len(compiled(statement))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            used.setdefault(ast.unparse(node.value).rpartition(".")[2], set()).add(node.attr)

def worst(expression):
    """Repeats of one or two characters that it knows, behind what it may begin with, ended by what fits nowhere."""
    text = expression.pattern if isinstance(expression.pattern, str) else expression.pattern.decode("latin-1")
    known = [sign for sign in dict.fromkeys(text + "0a ;") if sign not in "^$*+?{}|()\\" or "\\" + sign in text][:14]
    found = re.match(r"(?:[\w#<>=]|\\[\[({])+", text)
    for begin in dict.fromkeys(["", re.sub(r"\\", "", found[0]) if found else ""]):
        for pump in known:
            yield begin + pump * SIZE + "\x01!"
    for pump in itertools.permutations(known[:6], 2):
        yield "".join(pump) * (SIZE // 2) + "\x01!"

for (module, name), count in names.items():
    found = expressions(getattr(importlib.import_module(module), name))
    assert found, (module, name)
    for expression in found:
        print(module, name, flush=True)
        for text in worst(expression):
            data = text if isinstance(expression.pattern, str) else text.encode("latin-1", "replace")
            for method in used.get(name, {"fullmatch", "search"}):
                if method == "sub":
                    expression.sub("" if isinstance(data, str) else b"", data)
                else:
                    result = getattr(expression, method)(data)
print("done", len(names))
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "seconds"),
    [pytest.param(64, 30, id="64 KiB"), pytest.param(1024, 240, id="1 MiB", marks=pytest.mark.soak)],
)
def test_every_expression_is_linear(size: int, seconds: int) -> None:
    """``seconds`` of processor time are several times what all of them take together; one of them that is not linear
    would take minutes for a single text."""
    sweep = [sys.executable, "-c", SWEEP, str(size), str(seconds)]
    ended = subprocess.run(sweep, cwd=ROOT, capture_output=True, text=True, timeout=600)
    last = ended.stdout.splitlines()[-1:]
    assert ended.returncode == 0, f"{last} takes far more time for a text of {size} KiB than it should\n{ended.stderr}"
    assert last[0].startswith("done"), last
