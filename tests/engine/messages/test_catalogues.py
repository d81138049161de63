"""The catalogues and the code agree: every code has its text in each language, with the arguments that it is given."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

import engine
from engine.messages import catalogue, language
from engine.messages.catalogue import codes, render
from engine.messages.message import Message, is_code

_ROOT = Path(engine.__file__).parent.parent
_MAKERS = {"Message", "text"}
"""What is called with a code and its arguments, beside errors."""
_BY_NAME = {"help", "glossary"}
"""Rooms whose entries are found by the name of what they describe; tests of their own hold both against each other."""
_ONLY_CHINESE = {"fields", "presets"}
"""Rooms whose English stands at what it describes."""
_FILE_ENDINGS = {
    "json", "toml", "jsonl", "txt", "py", "log", "md", "safetensors", "bin", "model", "html", "csv", "lock", "tcss",
    "events",
}  # fmt: skip
_IN_TEMPLATE = re.compile(r'\bt\("([\w.-]+)"([^)]*)\)')
_ACTIONS = {"app.quit", "app.bell"}
"""What keys of the screen are bound to."""
_OLD_WORDS = (
    "go on from", "learnt", "frozen weights", "step length", "cut to fit", "hold the training",
    "what was made from what", "a word of its own", "lose less", "look alike", "nobody asked for", "gravest", "ask it",
    "or not at all", "is none here", "not recognised by itself", "and how it stands", "rows you can trust",
    "stands here once", "all that can be set", "then it fits", "take the last back", "nobody can tell", "is taken back",
    "was taken back", "word tables", "rows end to end", " %",
    "the licence", "spelt", "organisation", "towards", "makes no sense", "can't be told", "is none of", "is no more",
    "any more", "minus it", "taken back", "takes back", "starts anew", "begins anew", "all the same",
)  # fmt: skip


class _Call(NamedTuple):
    place: str
    code: str
    maker: str
    given: frozenset[str] | None  # None: they can't be told from the code


class _Names(Visitor):
    """Variables and functions of an entry."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: dict[str, str] = {}

    def visit_FunctionReference(self, node: Any) -> None:
        for each in node.arguments.positional:
            if isinstance(each, ftl.VariableReference):
                self.variables[each.id.name] = node.id.name

    def visit_VariableReference(self, node: Any) -> None:
        self.variables.setdefault(node.id.name, "")


@functools.cache
def _variables(code: str, spoken: str) -> dict[str, str]:
    """Arguments of an entry and the function each is given to, also those of the entries it names."""
    names = _Names()
    room, _, _ = code.partition(".")
    wanted, seen = [code], set()
    while wanted:
        each = wanted.pop()
        if each not in seen and (entry := _parsed(spoken).get(each)) is not None:
            seen.add(each)
            if "{" in (raw := _codes(spoken)[each]):  # else there is nothing to visit, and a visit takes its time
                names.visit(entry)
            wanted += [f"{room}.{found}" for found in re.findall(r"\{\s*(-?[a-zA-Z][\w-]*)", raw)]
    return names.variables


_codes = functools.cache(codes)


@functools.cache
def _parsed(spoken: str) -> dict[str, Any]:
    """Entries by code, as Fluent's own parser reads the files; junk under the number of its line."""
    found = {}
    for file in sorted((catalogue._FOLDER / spoken).glob("*.ftl")):
        for entry in FluentParser().parse(file.read_text("utf-8")).body:
            if isinstance(entry, (ftl.Message, ftl.Term)):
                sign = "-" if isinstance(entry, ftl.Term) else ""
                assert f"{file.stem}.{sign}{entry.id.name}" not in found, f"{file}: {entry.id.name} is there twice"
                found[f"{file.stem}.{sign}{entry.id.name}"] = entry
            elif isinstance(entry, ftl.Junk):
                found[f"{file.name}: {entry.content[:80]}"] = entry
    return found


@functools.cache
def _trees() -> list[tuple[str, ast.Module]]:
    files = [path for folder in ("engine", "tui") for path in sorted((_ROOT / folder).rglob("*.py"))]
    return [(str(path.relative_to(_ROOT)), ast.parse(path.read_text("utf-8"))) for path in files]


@functools.cache
def _nodes() -> list[tuple[str, list[ast.AST]]]:
    """Every file of the program with the classes, calls and constants in it."""
    kinds = (ast.ClassDef, ast.Call, ast.Constant)
    return [(file, [node for node in ast.walk(tree) if isinstance(node, kinds)]) for file, tree in _trees()]


@functools.cache
def _uses() -> list[_Call]:
    """Every code that stands in the program, with the names of the arguments where it is called with them."""
    rooms = {code.partition(".")[0] for code in _codes("en")}
    errors = set()
    for _ in range(3):  # classes of errors, and those made from them
        for _, nodes in _nodes():
            for node in nodes:
                if isinstance(node, ast.ClassDef) and any(
                    isinstance(base, ast.Name) and base.id in errors | {"TunedeckError"} for base in node.bases
                ):
                    errors.add(node.name)
    found = []
    for file, nodes in _nodes():
        called = {}
        for node in nodes:
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if name in _MAKERS | errors | {"TunedeckError"}:
                    given = {each.arg for each in node.keywords} - ({"issues"} if name == "ConfigError" else set())
                    for each in _constants(node.args[0]):
                        called[each] = (name, None if None in given else frozenset(given))
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_code(node.value):
                room, _, name = node.value.partition(".")
                maker, given = called.get(node, ("", None))
                is_other = name in _FILE_ENDINGS or _is_field(node.value) or node.value in _ACTIONS
                if room in rooms and (maker or not is_other):
                    found.append(_Call(f"{file}:{node.lineno}", node.value, maker, given))
    for path in sorted((_ROOT / "engine").rglob("*.jinja")):
        for call in _IN_TEMPLATE.finditer(path.read_text("utf-8")):
            given = frozenset(re.findall(r"(\w+)=", call[2]))
            found.append(_Call(f"{path.name}", call[1], "text", given))
    return found


def _constants(node: ast.expr) -> Iterator[ast.Constant]:
    """The texts an argument may be: itself, or both sides of a choice."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def _is_field(dotted: str) -> bool:
    from engine.config.presets import known_fields

    section, _, name = dotted.partition(".")
    return dotted not in _codes("en") and name in known_fields(section)


def _samples(variables: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Arguments of every kind an entry may get."""
    kinds: dict[str, tuple[Any, ...]] = dict.fromkeys(
        ("LIST", "COMMAS", "CLAUSES", "SENTENCES", "LINES"), (["a", "b"],)
    )
    kinds["OR"] = (["a", 1],)
    kinds |= {"WHOLE": (Message.literal("a", message="b", hint="c"),), "BRIEF": (Message.literal("a", message="b"),)}
    kinds |= {"HINT": (Message.literal("a", hint="c"),)}
    kinds |= {"WHEN": (1.7e9,), "DAY": (1.7e9,), "CLOCK": (1.7e9,)}
    kinds[""] = ("text\x1b[31m", 1, 12345, 0.25, Message.literal("a"), ["a", "b"], True, None)
    values = {name: kinds.get(function, (1, 12345, 0.25, None, 0)) for name, function in variables.items()}
    for at in range(max(map(len, values.values()), default=1)):
        yield {name: each[at % len(each)] for name, each in values.items()}


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_every_entry_is_fluent(spoken: str) -> None:
    assert [name for name, entry in _parsed(spoken).items() if isinstance(entry, ftl.Junk)] == []
    assert set(_parsed(spoken)) == set(_codes(spoken))
    functions = catalogue._functions(spoken)
    used = {call for code in _codes(spoken) for call in _variables(code, spoken).values() if call}
    assert used <= functions.keys()


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_both_ways_to_a_text_give_the_same(spoken: str) -> None:
    for code in _codes(spoken):
        entry = None if "-" in code.partition(".")[2][:1] else catalogue._entry(spoken, code)
        for part in entry.parts if entry else ():
            for args in _samples(_variables(code, spoken)):
                message = Message(code, **args)
                ours, fluents = render(message, part, spoken), catalogue._by_fluent(message, part, spoken)
                if spoken == "zh":  # its blanks between Chinese and Latin are made here
                    ours, fluents = ours.replace(" ", ""), fluents.replace(" ", "")
                assert ours == fluents, f"{code} {part} {args}"


def test_a_blank_parts_chinese_from_the_latin_letters_or_digits_that_an_argument_brings() -> None:
    def wrong(*expected: str) -> str:
        return render(Message("config.wrong-value", expected=expected, given="1"), "", "zh")

    assert wrong("true", "false").startswith("应为 true")
    assert wrong("数字").startswith("应为数字")


def test_each_language_has_every_text_with_the_same_parts_and_arguments() -> None:
    english, chinese = (
        {code for code in _codes(spoken) if ".-" not in code and code.partition(".")[0] not in _ONLY_CHINESE}
        for spoken in ("en", "zh")
    )
    assert sorted(english ^ chinese) == []
    for code in sorted(english):
        parts = [{each.id.name for each in _parsed(spoken)[code].attributes} for spoken in ("en", "zh")]
        assert parts[0] == parts[1], code
        assert _variables(code, "en").keys() == _variables(code, "zh").keys(), code


def test_every_code_of_the_program_has_its_text() -> None:
    assert sorted({f"{use.place}: {use.code}" for use in _uses() if use.code not in _codes("en")}) == []


def test_every_code_is_given_the_arguments_that_its_text_has() -> None:
    wrong = []
    for use in _uses():
        if use.given is not None and use.code in _codes("en"):
            wanted = frozenset(_variables(use.code, "en"))
            if use.given != wanted:
                wrong.append(f"{use.place}: {use.code} is given {sorted(use.given)}, its text has {sorted(wanted)}")
    assert wrong == []


def test_every_text_is_used() -> None:
    used = {use.code for use in _uses()}
    unused = [code for code in _codes("en") if code not in used and ".-" not in code]
    assert [code for code in unused if code.partition(".")[0] not in _BY_NAME] == []


def test_titles_of_errors_are_short_and_have_no_full_stop() -> None:
    titles = {}
    for use in _uses():
        if use.maker not in _MAKERS | {""} and use.code in _codes("en"):
            args = {name: "x" if not function else 1 for name, function in _variables(use.code, "en").items()}
            titles[use.code] = render(Message(use.code, **args), "", "en")
    assert {code: title for code, title in titles.items() if len(title) > 40 or title.endswith(".")} == {}


@pytest.mark.parametrize("old", _OLD_WORDS)
def test_no_text_has_words_that_were_replaced(old: str) -> None:
    pattern = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)")
    assert [code for code, raw in _codes("en").items() if pattern.search(raw.lower())] == []


def test_chinese_has_its_own_punctuation_and_blanks_beside_latin() -> None:
    slips = re.compile(r"[一-鿿][A-Za-z0-9`]|[A-Za-z0-9`%][一-鿿]|[一-鿿] ?[,;:!?]|[一-鿿]\.(?!\w)|[一-鿿]\(|\)[一-鿿]")
    found = {code: slips.search(re.sub(r"\[[^\]]*\]", "", raw)) for code, raw in _codes("zh").items()}
    assert {code: slip[0] for code, slip in found.items() if slip} == {}


_ONE_WORD = {
    "a run is 任务, its training 训练": (
        r"(?<!再)[次此该个的何他]运行(?![\d时于中])|评估运行|运行(?:目录|日志|名称| \{ \$(?:run|name))|训练 \{ \$run"
    ),
    "a token is 词元": r"(?<![\w.\-/\"`{$ ])tokens?(?![\w.\-/\"=`])|[一-鿿] tokens?(?![\w.\-/\"=`])",
    "an adapter is 适配器": r"[一-鿿] adapter(?![\w./\"=`])",
    "nobody is addressed, neither 您 nor 你": r"[您你]",
    "an interval has 至": r"(?<=[\d}]) 到 (?=[\d{])",
    "a key has the name that the bars show": r"回车|空格键|[左右]键",
    "a source of rows is 来源": r"数据源",
    "a share of the mix is 份额": r"回放比例",
    "a prompt is 提示词": r"(?:系统|样例|示例|采样|新|个|的)提示(?!词)",
    "a micro-batch is 微批次": r"微批(?!次)(?! \|)",
    "packing is 打包": r"拼接",
    "a stop token is 停止词元": r"停止符",
    "the schedule is 学习率调度": r"学习率计划",
    "the loss of the validation rows is 验证损失": r"(?<!测量)验证集损失|验证的损失",
    "what is earlier is 旧 or 以前": r"早先|先前|以往",
    "the history is 来历": r"谱系|模型与适配器的?历史",
    "the hub is Hub": r"(?<!或)(?<=[一-鿿]) hub(?![\w./\"=`])",
    "left out is 排除": r"略过",
    "the base is 基座": r"底座|基础模型|基模型",
}
"""What Chinese readers know under several names has one here."""


@pytest.mark.parametrize("rule", _ONE_WORD)
def test_chinese_has_one_word_for_a_thing(rule: str) -> None:
    found = {}
    for code, raw in _codes("zh").items():
        spoken = re.sub(r"`[^`]*`|\{ [A-Z][^}]*\}|^ *\.?[\w-]+ =", "", raw, flags=re.MULTILINE)
        if "HF_TOKEN" not in raw and (slip := re.search(_ONE_WORD[rule], spoken)):
            found[code] = spoken[max(0, slip.start() - 8) : slip.end() + 8]
    assert found == {}


def test_the_first_frame_needs_no_fluent() -> None:
    """The runtime takes 45 ms to import."""
    first = [
        code for code in _codes("en") if code.partition(".")[0] in ("keys", "home", "messages") and ".-" not in code
    ]
    heavy = {f"{spoken} {code}" for spoken in language.LANGUAGES for code in first if _entry_of(spoken, code).others}
    assert heavy == set()


def _entry_of(spoken: str, code: str) -> Any:
    entry = catalogue._entry(spoken, code)
    assert entry is not None
    return entry


_SAID = {"title", "message", "hint", "said", "fix", "label", "sentence", "caption"}
_TAKE_APART = {"startswith", "endswith", "find", "partition", "rpartition", "removeprefix"}
_COMPARED_IN_TEMPLATE = re.compile(
    rf"\.(?:{'|'.join(_SAID)})(?:\|\w+)* *(?:==|!=| in )|(?:==|!=) *[\w.]*\.(?:{'|'.join(_SAID)})\b"
)


def test_no_code_compares_sentences() -> None:
    """What happens must not hang on words that are made for people, a form's yes and no among them."""
    found = [f"{file}:{line}" for file, tree in _trees() for line in _comparisons(tree, file.startswith("tui/"))]
    for path in sorted((_ROOT / "engine").rglob("*.jinja")):
        tags = re.findall(r"\{[%{].*?[%}]\}", path.read_text("utf-8"))
        found += [f"{path.name}: {tag}" for tag in tags if _COMPARED_IN_TEMPLATE.search(tag)]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'error.title == "Not found"', "told.title == TRAINING", 'str(error).startswith("Not")', '"disk" in error.said',
        'field.text == text("chat.as-row")', 'each.label != "python"', 'part(error, "hint").lower() == "retry"',
    ],
)  # fmt: skip
def test_it_finds_a_comparison(code: str) -> None:
    assert len(list(_comparisons(ast.parse(code), shown=True))) == 1


def test_codes_may_be_compared() -> None:
    code = 'error.code == "x"; told.name == TRAINING; label != self.label; reason.about == "identity"'
    assert list(_comparisons(ast.parse(code), shown=True)) == []
    tags = ('{% if it.title == "training" %}', "{% if a.sentence|lower in b %}", "{% if x != c.label %}")
    assert all(map(_COMPARED_IN_TEMPLATE.search, tags))
    assert not _COMPARED_IN_TEMPLATE.search("{% if it.sentence and it.name != c.verdict_of %}")


def _comparisons(tree: ast.AST, shown: bool) -> Iterator[str]:
    """Where words for people are compared or taken apart; ``shown``: the text of a widget is for people too."""
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _TAKE_APART:
            sides = [node.func.value, *node.args]  # type: ignore[attr-defined]
        sides = [_bare(each) for each in sides]
        has_words = any(_is_constant(each) or _is_call(each, "text", "part") for each in sides)
        if has_words and any(_is_said(each, shown) for each in sides):
            yield f"{node.lineno}: {ast.unparse(node)[:100]}"  # type: ignore[attr-defined]


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != ""


def _is_call(node: Any, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _is_said(node: Any, shown: bool) -> bool:
    """Whether ``node`` is a part of an error or a message, or all of one as text."""
    if _is_call(node, "text", "part", "str"):
        return node.func.id != "str" or _names_error(node)
    return isinstance(node, ast.Attribute) and (node.attr in _SAID or (shown and node.attr == "text"))


def _names_error(node: ast.Call) -> bool:
    return any(isinstance(each, ast.Name) and each.id in ("error", "problem", "issue") for each in node.args)


def _bare(node: Any) -> Any:
    """What stands below ``.lower()``, ``.strip()`` and the like."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    return node
