"""A faithful local Talkdesk Case API, with every fault one can wish for.

It is the default target, the rehearsal stage and the test double of the importer. It is written from the Talkdesk
reference and OpenAPI bundle and shares no code with the client side, so that it cannot inherit its mistakes.
"""

from importer.sandbox.faults import FaultPlan, Rule
from importer.sandbox.fields import Definition, Kind, Option, definitions_of
from importer.sandbox.options import SandboxOptions
from importer.sandbox.plan_file import load_plan, plan_as_json, plan_of
from importer.sandbox.profiles import PROFILES, calm, hostile, rough
from importer.sandbox.server import Sandbox, serve

__all__ = [
    "PROFILES",
    "Definition",
    "FaultPlan",
    "Kind",
    "Option",
    "Rule",
    "Sandbox",
    "SandboxOptions",
    "calm",
    "definitions_of",
    "hostile",
    "load_plan",
    "plan_as_json",
    "plan_of",
    "rough",
    "serve",
]
