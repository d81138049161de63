"""How a widget draws the part that has the focus: the theme's focus colours, reverse where there are none."""

from __future__ import annotations

from textual.style import Style
from textual.widget import Widget


def component_style(widget: Widget, component: str) -> Style:
    """The style of one of the widget's component classes. (``get_visual_style`` forgets "reverse".)"""
    return Style.from_styles(widget.get_component_styles(component))
