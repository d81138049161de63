"""No file imports, over however many others, itself: not at run time and not for its types."""

from __future__ import annotations

import grimp


def in_circles(imports: dict[str, set[str]]) -> set[str]:
    """What is left once everything that imports nothing left, or that nothing left imports, is taken away."""
    left = dict(imports)
    while True:
        named = {each for targets in left.values() for each in targets & left.keys()}
        outer = {each for each, targets in left.items() if each not in named or not targets & left.keys()}
        if not outer:
            return set(left)
        left = {each: targets for each, targets in left.items() if each not in outer}


def test_no_file_is_in_a_circle() -> None:
    graph = grimp.build_graph("engine", "tui", cache_dir=None)
    imports = {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}
    assert len(imports) > 400
    assert in_circles(imports) == set()


def test_a_circle_is_found_and_what_leads_to_it_is_not_blamed() -> None:
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}
