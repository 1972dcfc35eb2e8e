"""The versions of the function in a template: the one that the alias leads to, and those that it can go back to."""

import copy
from dataclasses import dataclass
from typing import Any, Final

Template = dict[str, Any]

_ALIAS: Final = "LiveAlias"
_VERSION: Final = "AWS::Lambda::Version"


def live(template: Template) -> str:
    """Return the logical id of the version that the alias leads to."""
    return str(template["Resources"][_ALIAS]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0])


def versions(template: Template) -> dict[str, Any]:
    """Return the versions by their logical ids."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == _VERSION}


@dataclass(frozen=True)
class Steps:
    """The templates that an update applies in turn; without a `candidate` there is no first one.

    `serving` and `candidate` are the logical ids of the version that serves, and of one that does not serve yet.
    """

    serving: str
    candidate: str | None
    staged: Template
    final: Template


def plan(template: Template, deployed: Template) -> Steps:
    """Return the steps from the deployed template to this one, which has a single version.

    First the new version exists beside all others, and the alias stays where it is. Then the alias leads to it, and
    only the version that served before is kept, to go back to.
    """
    wanted, serving, others = live(template), live(deployed), versions(deployed)
    # Exactly as deployed: a version can't be changed, only replaced.
    beside_all = _with(template, {**versions(template), **others})
    if serving == wanted:
        return Steps(serving, None, beside_all, beside_all)
    kept = {name: others[name] for name in (serving, wanted) if name in others}
    return Steps(serving, wanted, lead_to(beside_all, serving), _with(template, {**versions(template), **kept}))


def lead_to(template: Template, version: str) -> Template:
    """Return the template with the alias on another of its versions."""
    changed = copy.deepcopy(template)
    alias = changed["Resources"][_ALIAS]
    alias["Properties"]["FunctionVersion"] = {"Fn::GetAtt": [version, "Version"]}
    alias["Metadata"] = {"Version": version}
    return changed


def at_once(template: Template) -> Template:
    """Return the template without the alias's update policy: alarms that are on would stop a gradual shift."""
    changed = copy.deepcopy(template)
    changed["Resources"][_ALIAS].pop("UpdatePolicy", None)
    return changed


def _with(template: Template, chosen: dict[str, Any]) -> Template:
    changed = copy.deepcopy(template)
    others = {name: found for name, found in changed["Resources"].items() if found["Type"] != _VERSION}
    changed["Resources"] = {**others, **chosen}
    return changed
