"""Support tickets of 12 kinds, made from a seed: is the tuned starter better than asking it plainly, or with examples?

``python -m tests.benchmarks.tickets [--rows 600] [--demo]`` trains the starter on them as anybody would, and prints
what the run itself measured: zero-shot, few-shot and tuned with 95% intervals, and the verdict. With ``--demo`` it
trains the demo's orders instead and prints the accuracy of JSON fields beside exact match. Takes some ten minutes on
2 cores; run it on a quiet machine.

The tickets are made so that no single word gives the label away: most mention other matters too (a ticket about a
wrong item names the delivery, the invoice or the app), greetings, moods, names, orders and typing errors vary, and
the label's own words stand in few of them.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from engine.messages.catalogue import text
from engine.metrics import words
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.evaluations import TUNED, Evaluation

SEED = 11
ROWS, TESTS, VALIDATION = 600, 180, 24
CORES: dict[str, tuple[str, ...]] = {
    "double charge": (
        "my card shows {sum} twice for {order}", "you took {sum} two times on {day}",
        "there are two identical payments of {sum} on my statement", "the bank says you booked {sum} again on {day}",
        "I paid {sum} once and see it two times",
    ),
    "refund status": (
        "I sent the {item} back on {day} and the {sum} is still not on my account",
        "the return of {order} arrived at yours {ago}, where is my money",
        "you promised me {sum} back {ago} and nothing has come", "how much longer until I get the {sum} for the {item}",
        "your colleague said the money would be with me by {day}",
    ),
    "late delivery": (
        "{order} was meant to be here on {day}", "the tracking of my {item} has not moved since {day}",
        "still waiting for the {item} I bought {ago}", "the driver has not turned up although it said {day}",
        "{ago} it was 'out for the door' and I still have nothing",
    ),
    "damaged item": (
        "the {item} came with a crack right across it", "when I opened the box the {item} was in two pieces",
        "one side of the {item} is dented and it does not close", "the {item} leaks since I unpacked it",
        "the glass of the {item} is shattered",
    ),
    "wrong item": (
        "I bought a {item} and there was a {other} in the box", "this is not the {item} I chose, it is a {other}",
        "you packed a {other} instead of the {item}", "the label says {item} but inside is a {other}",
        "the {item} is the small one, I need the large one I paid for",
    ),
    "cancel order": (
        "please stop {order} before it leaves", "I no longer want the {item} from {ago}",
        "can you take {order} out of the system, it has not shipped yet",
        "I clicked buy by mistake, do not send the {item}",
        "my plans changed and {order} should not go out",
    ),
    "change address": (
        "I am moving on {day}, {order} has to go to {street}", "please send the {item} to {street} instead",
        "the house number in {order} is wrong, it is {street}", "my parcels should go to {street} from now on",
        "I typed my old street, the right one is {street}",
    ),
    "login problem": (
        "the page says my password is wrong although I just set it", "I no longer get the code on my phone to get in",
        "I am locked out since {day}", "the reset mail never comes, I tried {times}",
        "it throws me back to the first page each time I type my name",
    ),
    "app bug": (
        "the app closes by itself when I tap the basket", "since the update on {day} the screen stays white",
        "the search shows nothing at all on my tablet", "the button under the {item} does nothing",
        "the app freezes as soon as I turn the phone",
    ),
    "end subscription": (
        "I want out of the monthly box after this one", "please do not renew my membership on {day}",
        "how do I get rid of the plan for {sum} a month", "take me off the yearly plan",
        "I do not use the monthly box any more and would like it to stop",
    ),
    "product question": (
        "does the {item} run on 110 volts as well", "is the {item} fine for a child of six",
        "can the {item} go into the dishwasher", "which size of the {item} fits a room of 20 square metres",
        "what is the {item} made of, I am allergic to nickel",
    ),
    "staff complaint": (
        "the man on the phone hung up on me on {day}", "your colleague called me a liar in the chat",
        "I was put on hold {times} and then laughed at", "the lady in the shop would not even look at my {item}",
        "nobody has ever spoken to me like your agent did on {day}",
    ),
}  # fmt: skip
"""What each kind of ticket is about, in its own words."""
LABELS = tuple(CORES)
_OPENINGS = ("Hello,", "Hi there,", "Good morning,", "Dear team,", "hey", "To whom it may concern,", "Hi, {name} here.",
             "Hello, my name is {name}.", "")  # fmt: skip
_ASIDES = (
    "I have been a customer for years.", "The delivery itself was quick.", "The invoice was fine by the way.",
    "I ordered in the app.", "I already wrote to you {ago}.", "My neighbour had no trouble with hers.",
    "It was meant as a present.", "I paid with my card.", "Your shop was recommended to me.", "The {other} is lovely.",
    "I logged in to check before I wrote.", "My address has not changed.", "I do not want my money back.", "",
    "", "",
)  # fmt: skip
_ENDINGS = ("What now?", "Please help.", "Can you look into it?", "Thanks, {name}", "Kind regards, {name}",
            "I expect an answer today.", "Cheers", "This is urgent!!", "No rush.", "")  # fmt: skip
_SLOTS: dict[str, tuple[str, ...]] = {
    "item": ("kettle", "desk lamp", "rain jacket", "blender", "bookshelf", "headset", "coffee grinder", "bike helmet",
             "wall clock", "air fryer", "backpack", "office chair"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "the 3rd", "the 14th", "the 28th", "May 9"),
    "ago": ("two weeks ago", "ten days ago", "last month", "a week ago", "on the weekend", "yesterday"),
    "sum": ("19.90", "$45", "129 euros", "£7.50", "84.99", "$210", "12 euros"),
    "street": ("14 Mill Lane", "Oak Street 7", "221 Park Road", "Harbour Way 3", "9 Church Hill"),
    "times": ("three times", "five times", "all morning", "twice"),
    "name": ("Ada", "Noor", "Jonas", "Mei", "Tomás", "Priya", "Olu", "Greta", "Sam", "Yuki"),
}  # fmt: skip
_INSTRUCTION = f"Which kind of ticket is this? Answer with one of: {', '.join(LABELS)}."


class Ticket(NamedTuple):
    text: str
    label: str


def tickets(count: int = ROWS, seed: int = SEED) -> list[Ticket]:
    """``count`` different tickets, as many of each label as of any other to within one, shuffled."""
    dice = random.Random(seed)
    found: dict[str, Ticket] = {}
    while len(found) < count:
        label = LABELS[len(found) % len(LABELS)]
        ticket = Ticket(_ticket(label, dice), label)
        found.setdefault(ticket.text, ticket)
    kept = list(found.values())
    dice.shuffle(kept)
    return kept


def _ticket(label: str, dice: random.Random) -> str:
    body = [f"{dice.choice(CORES[label])}."]
    body.insert(dice.randrange(2), dice.choice(_ASIDES))
    slots = {name: dice.choice(values) for name, values in _SLOTS.items()}
    slots["other"] = dice.choice([each for each in _SLOTS["item"] if each != slots["item"]])
    slots["order"] = dice.choice(("order {}", "my order {}", "#{}", "no. {}")).format(dice.randrange(10_000, 99_999))
    parts = [dice.choice(_OPENINGS), *body, dice.choice(_ENDINGS)]
    said = [each.format(**slots) for each in parts if each]
    if dice.random() < 0.6:
        said = [each[0].upper() + each[1:] for each in said]
    whole = " ".join(said)
    whole = whole.lower() if dice.random() < 0.15 else whole
    return _mistyped(whole, dice) if dice.random() < 0.3 else whole


def _mistyped(text: str, dice: random.Random) -> str:
    """``text`` with two letters swapped somewhere inside a word."""
    places = [at for at in range(1, len(text) - 2) if text[at - 1 : at + 2].isalpha()]
    if not places:
        return text
    at = dice.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def write_rows(path: Path, found: list[Ticket]) -> None:
    """The tickets as rows of prompt and completion."""
    rows = [{"prompt": f"{_INSTRUCTION}\n\n{each.text}", "completion": each.label} for each in found]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def config(data: Path) -> str:
    """The run as somebody would set it up: the starter, a test set, three passes."""
    return f"""\
[run]
name = "tickets"
[model]
name_or_path = "smollm2-135m"
[[data]]
path = {json.dumps(str(data))}
[dataset]
max_length = 256
eval_rows = {VALIDATION}
test_rows = {TESTS}
[train]
num_train_epochs = 3
batch_size = 16
learning_rate = 5e-4
[eval]
generate_rows = {TESTS}
max_new_tokens = 16
"""


def run(*arguments: str) -> RunDir:
    """A whole run by the command line; the newest run is its directory."""
    command = [sys.executable, "-m", "tui", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    listed = subprocess.run([sys.executable, "-m", "tui", "runs", "--json"], capture_output=True, text=True, check=True)
    return RunDir(Path(json.loads(listed.stdout)[0]["path"]))


def print_result(found: Evaluation) -> None:
    """Every metric of every candidate with its interval, what was compared, and the verdict."""
    print(f"\n{found.n} rows ({found.part})")
    for metric in found.metrics:
        print(f"\n{text(words.metric(metric))}")
        for name in found.candidates:
            mean, compared = found.mean(name, metric), found.comparison(TUNED, name, metric)
            if mean is None:
                continue
            line = f"  {text(words.candidate(name)):<18}{words.value(metric, mean.value):>8}"
            line += f"  {text(words.interval(metric, mean.low, mean.high)):<18}"
            if compared is not None:
                bounds = text(words.difference_interval(metric, compared.low, compared.high))
                line += f"  tuned differs by {words.difference(metric, compared.difference)} ({bounds})"
                line += f", {text(words.verdict(compared.verdict))}, p = {compared.adjusted_p}"
            print(line)
    for note in found.notes:
        print(text(note))
    print(f"\n{text(found.sentence) if found.sentence else 'no verdict'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--demo", action="store_true", help="the demo's orders instead of tickets")
    chosen = parser.parse_args()
    if chosen.demo:
        metrics = '["json_values", "exact_match", "json_exact", "json_keys", "json_valid"]'
        made = run("demo", "--headless", "--set", f"eval.metrics={metrics}")
    else:
        with tempfile.TemporaryDirectory() as folder:
            data, file = Path(folder) / "tickets.jsonl", Path(folder) / "tickets.toml"
            write_rows(data, tickets(chosen.rows))
            file.write_text(config(data))
            made = run("run", str(file))
    found = evaluations.read(evaluations.folder(made, evaluations.TRAINING))
    if found is None:
        raise SystemExit(f"{made.path} has no evaluation of its training")
    print_result(found)


if __name__ == "__main__":
    main()
