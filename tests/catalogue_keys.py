"""Which texts the code can ask for: literals and f-strings read from the source, families enumerated from the enums."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from perpbotd.domain.checklist import OWN_WORDS
from perpbotd.domain.kinds import Action
from perpbotd.domain.link import State
from perpbotd.domain.policy import LegacyKeys, Policy
from perpbotd.domain.rules import RULES
from perpbotd.domain.types import Grade

PACKAGE: Final = Path(__file__).parent.parent / "perpbotd"
POLICIES: Final = (
    Policy(),
    Policy(binding=Grade.PROVEN, require_key_name=True, legacy_keys=LegacyKeys.INFERRED),
)
"""The mildest and the strictest that a configuration may ask for."""
_TO_DO = ("no_account", "no_deposit", "restricted", "not_listed", "referral", "binding", "binding_strict")
_WEAKER = [
    rule.name
    for rule in RULES
    if any(rule.needs(policy) is not Grade.PROVEN for policy in POLICIES)
    or (rule.legacy is not None and any(rule.legacy_needs(policy) is not Grade.PROVEN for policy in POLICIES))
]
_OUTCOMES = {
    rule.name: ("proven", "refuted", "open", *(("enough",) if rule.name in _WEAKER else ()), *rule.texts)
    for rule in RULES
}
FAMILIES: Final[dict[str, list[str]]] = {
    "button.*": [f"button.{action}" for action in Action],
    "text.unexpected.*": [f"text.unexpected.{state}" for state in State],
    "delayed.*": [f"delayed.{blame}" for blame in ("venue", "clock", "egress", "chain", "unclear")],
    "referral.*": [f"referral.{grade}" for grade in Grade],
    "refused.*": ["refused.legacy_key"],
    "to_do.*": [f"to_do.{reason}" for reason in _TO_DO],
    "*.by_button": [f"{key}.by_button" for key in ("permissions", "mend", *(f"to_do.{reason}" for reason in _TO_DO))],
    "rule.*": [f"rule.{name}.{outcome}" for name, outcomes in _OUTCOMES.items() for outcome in outcomes],
    "why.*": [f"why.{reason}" for reason in OWN_WORDS],
}
"""What each f-string that names a text can become."""

_TAKES: Final = {"said": 0, "_linked": 0, "_mend": 1, "leave": 1, "acknowledge": 1, "copy": 0, "link_out": 0}
"""Functions that are given a key, by position; inside of them it is a parameter."""
_NAMED: Final = {"Phrase": "key", "Acknowledge": "phrase", "acknowledge": "phrase", "Button": "label"}
"""What is given a key by name."""
_PREFIX: Final = {"copy": "button.", "link_out": "button."}


def asked_for(source: str) -> set[str]:
    """Keys, and f-strings with a star for each variable, that a module may ask the catalogue for."""
    found: set[str] = set()
    for function in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]:
        for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            keys = [keyword.value for keyword in call.keywords if keyword.arg and keyword.arg == _NAMED.get(name)]
            if name in _TAKES and len(call.args) > _TAKES[name]:
                keys.append(call.args[_TAKES[name]])
            for key in keys:
                found |= {_PREFIX.get(name, "") + text for text in _texts(key, function)}
    return found


def _texts(node: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=pieces):
            yield "".join(piece.value if isinstance(piece, ast.Constant) else "*" for piece in pieces)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, function)
            yield from _texts(other, function)
        case ast.Name(id=name):
            assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
            values = [one.value for one in assigned for target in one.targets if getattr(target, "id", "") == name]
            parameters = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
            if not values and not (name in parameters and function.name in _TAKES):
                raise AssertionError(f"{function.name}: nobody can tell which text `{name}` is")
            for value in values:
                yield from _texts(value, function)
        case ast.Call(func=ast.Attribute(attr="text", value=ast.Name(id="rule"))):
            yield "rule.*"
        case ast.Attribute(attr="phrase"):
            return
        case _:
            raise AssertionError(f"{function.name}: nobody can tell which text this is: {ast.unparse(node)}")


@cache
def everything_asked_for() -> frozenset[str]:
    """Every key that the package can ask for; an f-string that no family knows is an error."""
    found: set[str] = set()
    for module in sorted(PACKAGE.rglob("*.py")):
        if not module.is_relative_to(PACKAGE / "sandbox"):
            found |= asked_for(module.read_text())
    keys = {key for key in found if "*" not in key and key}
    for pattern in found - keys - {""}:
        keys |= set(FAMILIES[pattern])
    return frozenset(keys)
