"""Text in lines of a width, counted in terminal cells."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells


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
