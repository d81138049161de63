"""Small tasks with exact answers, and pairs of them whose relation is known: what advice on strategies is judged by.

Every task is drawn from a seed: the same rows every time, no sentence twice. Rows are ``prompt`` and ``completion``.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from presets.demo import generate as demo

Relation = Literal["same", "related", "unrelated"]
Make = Callable[[random.Random], dict[str, str]]

OTHER_NAMES = [
    "Bruno",
    "Dora",
    "Egon",
    "Fritz",
    "Gita",
    "Henk",
    "Iris",
    "Jarek",
    "Karla",
    "Ludo",
    "Milan",
    "Nadia",
    "Otto",
    "Pavel",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
]
OTHER_CITIES = [
    "Graz",
    "Basel",
    "Ulm",
    "Brno",
    "Gdansk",
    "Vilnius",
    "Porto",
    "Bari",
    "Cork",
    "Leeds",
    "Nantes",
    "Bilbao",
    "Izmir",
    "Odessa",
    "Quito",
    "Havana",
]
GERMAN = (
    "{name} aus {city} bestellt {order}, {paid}.",
    "Bitte {order} an {name} in {city} liefern ({paid}).",
    "Neue Bestellung: {order}, nach {city}, Kundin oder Kunde {name}, {paid}.",
    "{city}: {name} will {order}. Stand: {paid}.",
)
GERMAN_ITEMS = [
    "Tomatensuppe",
    "Nudelsuppe",
    "Apfelkuchen",
    "Brezel",
    "Kartoffelsalat",
    "Bratwurst",
    "Zimtschnecke",
    "Pfannkuchen",
]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
GOOD_WORDS = demo.words("wonderful fresh lovely superb friendly warm tasty perfect")
BAD_WORDS = demo.words("awful stale cold rude bland burnt greasy slow")
DISHES = demo.words("soup salad pizza curry cake tea coffee bread")
NUMBERS = demo.words("zero one two three four five six seven eight nine ten eleven twelve")


@dataclass(frozen=True)
class Pair:
    """An old task, a new one, and what a person would say of the two."""

    old: str
    new: str
    relation: Relation
    why: str


def orders(rng: random.Random) -> dict[str, str]:
    """The demo's own rows: an order as one line of JSON."""
    return demo.row(rng)


def orders_elsewhere(rng: random.Random) -> dict[str, str]:
    """The same task with people and cities that the demo does not know."""
    row = demo.row(rng)
    answer = json.loads(row["completion"])
    name, city = rng.choice(OTHER_NAMES), rng.choice(OTHER_CITIES)
    prompt = re.sub(rf"\b{answer['name']}\b", name, row["prompt"])
    prompt = re.sub(rf"\b{answer['city']}\b", city, prompt)
    return {"prompt": prompt, "completion": json.dumps(answer | {"name": name, "city": city})}


def orders_chatty(rng: random.Random) -> dict[str, str]:
    """The same task with words around the order."""
    row = demo.row(rng)
    before = rng.choice(("Good morning! ", "Sorry to bother you again. ", "One more thing: ", "Hi there, quick one. "))
    after = rng.choice((" Thanks a lot!", " Have a nice day.", " Let me know if that works.", ""))
    return {"prompt": before + row["prompt"] + after, "completion": row["completion"]}


def orders_keys(rng: random.Random) -> dict[str, str]:
    """The same sentences, other keys in another order."""
    row = demo.row(rng)
    a = json.loads(row["completion"])
    answer = {"product": a["item"], "count": a["qty"], "customer": a["name"], "settled": "yes" if a["paid"] else "no"}
    return {"prompt": row["prompt"], "completion": json.dumps(answer)}


def orders_line(rng: random.Random) -> dict[str, str]:
    """The same sentences, the answer as fields between semicolons."""
    row = demo.row(rng)
    a = json.loads(row["completion"])
    paid = "paid" if a["paid"] else "open"
    return {"prompt": row["prompt"], "completion": f"{a['city']}; {a['name']}; {a['qty']}; {a['item']}; {paid}"}


def orders_city(rng: random.Random) -> dict[str, str]:
    """The same sentences, only the city asked for."""
    row = demo.row(rng)
    return {"prompt": row["prompt"], "completion": json.loads(row["completion"])["city"]}


def orders_german(rng: random.Random) -> dict[str, str]:
    """The same answers to orders in German."""
    name, city, qty = rng.choice(OTHER_NAMES), rng.choice(demo.CITIES), rng.randint(2, 12)
    item, paid = rng.choice(GERMAN_ITEMS), rng.random() < 0.5
    words = "schon bezahlt" if paid else "noch offen"
    prompt = rng.choice(GERMAN).format(name=name, city=city, order=f"{qty} mal {item}", paid=words)
    answer = {"name": name, "item": item, "qty": qty, "city": city, "paid": paid}
    return {"prompt": prompt, "completion": json.dumps(answer, ensure_ascii=False)}


def bookings(rng: random.Random) -> dict[str, str]:
    """Another trade, the same kind of answer: a journey as one line of JSON."""
    name, start, end = rng.choice(demo.NAMES), *rng.sample(demo.CITIES, 2)
    seats, by = rng.randint(1, 9), rng.choice(("train", "bus", "plane", "ferry"))
    many = "seat" if seats == 1 else "seats"
    prompt = rng.choice(
        (
            "{name} books {seats} {many} on the {by} from {start} to {end}.",
            "Please reserve {seats} {many}: {by}, {start} to {end}, for {name}.",
            "By {by} to {end}, leaving {start}; {seats} {many} for {name}.",
        )
    ).format(name=name, seats=seats, many=many, by=by, start=start, end=end)
    answer = {"name": name, "from": start, "to": end, "by": by, "seats": seats}
    return {"prompt": prompt, "completion": json.dumps(answer)}


def dates(rng: random.Random) -> dict[str, str]:
    """A date in words as year-month-day."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1900, 2030)
    prompt = rng.choice(
        (
            "On which day: {month} {day}, {year}?",
            "Write {day} {month} {year} as a date.",
            "{month} the {day}th in {year}",
        )
    ).format(day=day, month=MONTHS[month - 1], year=year)
    return {"prompt": prompt, "completion": f"{year}-{month:02}-{day:02}"}


def dates_slashed(rng: random.Random) -> dict[str, str]:
    """The same dates, written month/day/year."""
    row = dates(rng)
    year, month, day = row["completion"].split("-")
    return {"prompt": row["prompt"], "completion": f"{month}/{day}/{year}"}


def sums(rng: random.Random) -> dict[str, str]:
    """Small sums in words."""
    a, b, c = (rng.randint(0, 12) for _ in range(3))
    prompt = rng.choice(("What is {a} plus {b} plus {c}?", "Add {a}, {b} and {c}.", "{a} and {b} and {c} together?"))
    return {
        "prompt": prompt.format(a=NUMBERS[a], b=NUMBERS[b], c=NUMBERS[c]),
        "completion": str(a + b + c),
    }


def reviews(rng: random.Random) -> dict[str, str]:
    """Was the guest content?"""
    is_good = rng.random() < 0.5
    words = rng.sample(GOOD_WORDS if is_good else BAD_WORDS, 2)
    dishes = rng.sample(DISHES, 2)
    person, city = rng.choice(demo.NAMES), rng.choice(demo.CITIES)
    prompt = f"{person}, {city}: the {dishes[0]} was {words[0]} and the {dishes[1]} {words[1]}."
    return {"prompt": prompt, "completion": "positive" if is_good else "negative"}


TASKS: dict[str, Make] = {
    make.__name__: make
    for make in (
        orders, orders_elsewhere, orders_chatty, orders_keys, orders_line, orders_city, orders_german, bookings, dates,
        dates_slashed, sums, reviews,
    )
}  # fmt: skip

PAIRS = (
    Pair("orders", "orders", "same", "the same rows' brothers: the same generator, other draws"),
    Pair("orders", "orders_elsewhere", "same", "the same sentences about other people and cities"),
    Pair("orders", "orders_chatty", "same", "the same task with small talk around it"),
    Pair("bookings", "bookings", "same", "the same task, other draws"),
    Pair("orders", "orders_keys", "related", "the same sentences, other keys"),
    Pair("orders", "orders_line", "related", "the same sentences, another format"),
    Pair("orders", "orders_city", "related", "the same sentences, one field"),
    Pair("orders", "orders_german", "related", "the same answers, another language"),
    Pair("orders", "bookings", "related", "another trade, the same kind of answer"),
    Pair("dates", "dates_slashed", "related", "the same dates, another format"),
    Pair("orders", "sums", "unrelated", "sums have nothing of orders"),
    Pair("orders", "reviews", "unrelated", "a judgement instead of fields"),
    Pair("dates", "reviews", "unrelated", "nothing in common"),
    Pair("sums", "orders", "unrelated", "nothing in common"),
)


def draw(task: str, count: int, seed: int) -> list[dict[str, str]]:
    """``count`` rows of ``task``; no prompt comes twice."""
    rng = random.Random(f"{task} {seed}")
    made: dict[str, dict[str, str]] = {}
    for _ in range(count * 50):
        row = TASKS[task](rng)
        made.setdefault(row["prompt"], row)
        if len(made) == count:
            return list(made.values())
    raise ValueError(f"{task} has no {count} different prompts")


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path
