"""Textual's stylesheet, which looks once for the rules that can be about a kind of widget, not for each widget anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.css.match import _check_selectors
from textual.css.model import CombinatorType, RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.css.types import Specificity3
from textual.dom import DOMNode


class Sheet(Stylesheet):
    """Styles nodes as its base does, and sooner: a key that leads to another step styles a hundred widgets."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parts: dict[frozenset[str], _Part] = {}
        self._parted: list[RuleSet] = []

    def apply(
        self, node: DOMNode, *, animate: bool = False, cache: dict[tuple[Any, ...], RulesMap] | None = None
    ) -> None:
        if self._parted is not self.rules:  # they were read anew
            self._parts, self._parted = {}, self.rules
        names = frozenset(self.rules_map.keys() & node._selector_names)
        if names not in self._parts:
            self._parts[names] = _Part(self, names)
        self._parts[names].apply(node, animate=animate, cache=cache)


class _Part(Stylesheet):
    """The rules of ``whole`` that name one of ``names``, in its order. No other can be about a node of these names."""

    def __init__(self, whole: Sheet, names: frozenset[str]) -> None:
        super().__init__()
        self._whole = whole
        self._rules_map = {name: whole.rules_map[name] for name in names}
        named = {rule for rules in self._rules_map.values() for rule in rules}
        self._rules = [rule for rule in whole.rules if rule in named]

    @classmethod
    def _check_rule(cls, rule_set: RuleSet, css_path_nodes: list[DOMNode]) -> Iterable[Specificity3]:
        """The last selector is about the node itself, and most don't hold for it: what is around it is asked then."""
        for each in rule_set.selector_set:
            *around, own = each.selectors
            if own.check(css_path_nodes[-1]):
                is_alone = not around and own.combinator is CombinatorType.DESCENDENT
                if is_alone or _check_selectors(each.selectors, css_path_nodes):
                    yield each.specificity

    @classmethod
    def replace_rules(cls, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
        """What a node has already is not set again; of one that is styled anew that is nearly all."""
        had: Any = node.styles.base._rules
        changed = [name for name in had.keys() | rules.keys() if had.get(name) is not rules.get(name)]
        if changed and animate:
            super().replace_rules(node, rules, animate)
            return
        for name in changed:
            setattr(node.styles.base, name, rules.get(name))
        node.notify_style_update()

    def _process_component_classes(self, node: DOMNode) -> None:
        self._whole._process_component_classes(node)
