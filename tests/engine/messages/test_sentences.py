"""No sentence for people stands in the code: they are in the catalogues, in every language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import engine
from engine.messages import language
from engine.messages.catalogue import clauses

_ROOT = Path(engine.__file__).parent.parent
_SENTENCE = re.compile(r"[A-Za-z]{2,}[,:;']? [a-z]{2,}|[a-z]{2,} \{|[A-Z][a-z]+[:;]? \{")
_FILES = {
    "engine/config/schema.py": "English stands at the fields it describes; fields.ftl has the other languages",
    "engine/config/synonyms.py": "names that other trainers give the fields",
    "engine/data/quality/placeholders.py": "what is searched for in rows",
    "engine/evaluation/judge.py": "what a model that judges is given to read",
    "engine/export/proof/prove.py": "what models are given to read",
    "engine/messages/formats.py": "the words of the formats, in each language",
    "engine/models/turn_parts.py": "templates of another program",
    "engine/models/vllm.py": "a script for a shell",
    "engine/runs/events_v1.py": "sentences of old logs",
    "tui/gallery.py": "samples in widgets, for those who build screens",
    "engine/tokens/render.py": "templates, in which words are part of what a model reads",
}
"""Files whose texts are not for the catalogues."""
_NAMES = {
    "evaluate before", "evaluate during", "evaluate after", "evaluate test", "evaluate test before",
    "evaluate test after", "answer before", "answer during", "answer after", "training three steps",
    "too much", "without optimizer", "new run", "other method", "not comparable", "plain text", "several lines",
    "looks alike", "same format", "shares phrases", "as well as on its own rows", "out of memory", "command line",
    "strategy continue", "strategy continue: a third of fresh", "answer {}", "answer base", "answer few-shot",
    "answer old-adapter", "answer tuned", "memory over time", "heading start", "dialog picker", "{} seed {}",
    "step {} {}", "Add adapter",
}  # fmt: skip
"""Names by which code, logs and --json know a thing; what is shown of them is in a catalogue."""
_FOR_MODELS = {
    "What is the capital of France? Answer in one short sentence.", "The capital of France is", "Count {}.",
    'You may call these functions. To call one, answer with JSON: {"name": ..., "arguments": {...}}',
}  # fmt: skip
"""What models are given to read."""
_MARK = "A tunedeck run. `tunedeck run THIS_FILE` repeats it."
"""The first line of a config, by which the program knows its own."""
_OF_OTHERS = {
    "Fatal Python error", "No space left", "Permission denied", "Unterminated string", "can't allocate memory",
    "cannot allocate memory", "unknown split", "bad split", "config name is missing", "couldn't find cache",
    "not found", "No module named 'lm_eval'",
}  # fmt: skip
"""Words of Python and of libraries that are looked for in what they say."""
_DEVELOPERS = {"RuntimeError", "ValueError", "OSError", "TypeError", "KeyError", "CatalogueError", "AssertionError"}
"""Errors that no person meets as they are; what is passed on of them is quoted as a library's words are."""
_NOT_SHOWN = {"Binding", "_complain", "compile"}
"""Calls whose texts nobody reads: keys.py has the words for keys."""
_CODE = re.compile(
    r"python3? -|-m pip|pip install |import |^tunedeck:? |^\[print\(|^\[json|^map\(|^--|^<meta|^PARAMETER |"
    r"^(Bearer|Basic) |^torch transformers|^(not )?(bold|dim|muted|reverse)\b|^tried to allocate \("
)
"""Commands, snippets of code and of markup, and styles of a screen."""


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every constant, f-strings as one with {} for what they hold, that a person may get to read."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if _is_for_developers(node) or isinstance(node, (ast.JoinedStr, ast.Assert)):
            passed |= {id(each) for each in ast.walk(node) if each is not node}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))  # documents what it stands at
        elif isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _is_for_developers(node: ast.AST) -> bool:
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        names = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(each, ast.Name) and each.id.endswith("CSS") for each in names)
    if not isinstance(node, ast.Call):
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name in _DEVELOPERS | _NOT_SHOWN


def test_no_sentence_stands_in_the_code() -> None:
    found = []
    for path in sorted(each for room in ("engine", "tui") for each in (_ROOT / room).rglob("*.py")):
        name = str(path.relative_to(_ROOT))
        if name in _FILES:
            continue
        for line, text in _texts(ast.parse(path.read_text("utf-8"))):
            known = text in {*_NAMES, *_FOR_MODELS, *_OF_OTHERS, _MARK}
            if _SENTENCE.search(text) and not known and not _CODE.search(text):
                found.append(f"{name}:{line}: {text[:120]!r}")
    assert found == []


def test_it_finds_a_sentence() -> None:
    code = (
        'def f(n):\n    """A docstring of some words."""\n    raise DataError("A row is broken", f"row {n} has none")'
    )
    assert [text for _, text in _texts(ast.parse(code))] == ["A row is broken", "row {} has none"]
    assert all(_SENTENCE.search(text) for _, text in _texts(ast.parse(code)))
    assert list(_texts(ast.parse('raise ValueError("for those who read tracebacks")'))) == []


def test_texts_are_joined_as_their_language_does() -> None:
    joining = re.compile(r"""["']; ["']\.join""")
    files = sorted(each for room in ("engine", "tui") for each in (_ROOT / room).rglob("*.py"))
    assert [each.name for each in files if joining.search(each.read_text("utf-8"))] == []
    language.use("zh")
    assert clauses("一", "", "二") == "一；二"
    language.use("en")
    assert clauses("one", "", "two") == "one; two"
