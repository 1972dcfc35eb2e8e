"""Makes a template smaller by what a plan does not need, for a stack that has no bucket yet to hand it over in."""

from collections.abc import Mapping
from typing import Any, Final

Template = dict[str, Any]

#: A property without a value.
_ABSENT: Final = {"Ref": "AWS::NoValue"}
_TEXTS: Final = ("Description", "ConstraintDescription", "AlarmDescription")


def small_template(template: Template, parameters: Mapping[str, str | None]) -> Template:
    """Return the template without descriptions, and without what its conditions leave out with these values."""
    specs = {
        name: {key: value for key, value in spec.items() if key not in _TEXTS}
        for name, spec in template["Parameters"].items()
    }
    conditions = _Conditions(template.get("Conditions", {}), parameters)
    chosen: Template = {
        name: conditions.choose(template[name]) for name in ("Resources", "Outputs") if name in template
    }
    return {**template, "Parameters": specs, **chosen}


class _Conditions:
    """The conditions of a template with one set of values."""

    def __init__(self, conditions: Mapping[str, Any], parameters: Mapping[str, str | None]) -> None:
        self._conditions = conditions
        self._parameters = parameters

    def choose(self, node: Any) -> Any:
        """Return the part of a template without what is absent."""
        if isinstance(node, list):
            return [kept for part in node if (kept := self.choose(part)) != _ABSENT]
        if not isinstance(node, dict):
            return node
        if node.keys() == {"Fn::If"}:
            condition, then, otherwise = node["Fn::If"]
            return self.choose(then if self._holds(condition) else otherwise)
        # A policy has conditions too, which are no names.
        if isinstance(condition := node.get("Condition"), str) and not self._holds(condition):
            return _ABSENT
        parts = {name: part for name, part in node.items() if name not in _TEXTS}
        return {name: kept for name, part in parts.items() if (kept := self.choose(part)) != _ABSENT}

    def _holds(self, condition: str) -> bool:
        return self._is_true(self._conditions[condition])

    def _is_true(self, node: Mapping[str, Any]) -> bool:
        ((function, value),) = node.items()
        match function:
            case "Condition":
                return self._holds(value)
            case "Fn::Equals":
                left, right = (self._parameters[side["Ref"]] if isinstance(side, dict) else side for side in value)
                return bool(left == right)
            case "Fn::Not":
                return not self._is_true(value[0])
        return {"Fn::And": all, "Fn::Or": any}[function](map(self._is_true, value))
