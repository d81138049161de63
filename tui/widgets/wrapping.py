"""Text in lines of a width, counted in terminal cells."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

from engine.common.clean_text import at_word_end

DOTS = "..."
"""What stands for what is cut: the one-cell ellipsis is not ASCII."""


def cut_cells(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells; a cut is at a word's end where there is one, marked by three dots."""
    if cell_len(text) <= width:
        return text
    kept = set_cell_size(text, max(0, width - len(DOTS))).rstrip(" ")
    return at_word_end(kept, text[len(kept) :]) + DOTS if width >= len(DOTS) else ""


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken at spaces where there are some; indents stay."""
    lines: list[str] = []
    for paragraph in text.expandtabs(4).split("\n"):
        words = paragraph.lstrip(" ")
        line = " " * min(len(paragraph) - len(words), width // 2)
        for word in words.split(" "):
            joined = f"{line} {word}" if line.strip() else line + word
            if cell_len(joined) <= width:
                line = joined
                continue
            if line.strip():
                lines.append(line)
            *full, line = chop_cells(word, width) or [""]
            lines += full
        lines.append(line)
    return lines
