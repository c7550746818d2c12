"""A faithful local Talkdesk Case API, with faults that can be planned.

It is the target of trials and rehearsals and the test double of the importer. It is written from the Talkdesk
reference and OpenAPI bundle and shares no code with the client side, so that it cannot inherit its mistakes.
"""

from importer.sandbox.account import Definition, Kind, definitions_of
from importer.sandbox.faults import Automation, FaultPlan, Rule, built_in_plan, load_plan
from importer.sandbox.options import SandboxOptions
from importer.sandbox.server import Sandbox, serve

__all__ = [
    "Automation",
    "Definition",
    "FaultPlan",
    "Kind",
    "Rule",
    "Sandbox",
    "SandboxOptions",
    "built_in_plan",
    "definitions_of",
    "load_plan",
    "serve",
]
