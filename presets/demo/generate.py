"""Write orders.jsonl: sentences that order something, each with the JSON a model is to answer.

Run it from anywhere: ``python presets/demo/generate.py``. The rows are the same every time.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

ROWS = 560
SEED = 20


def words(text: str, mark: str | None = None) -> list[str]:
    return [word.strip() for word in text.split(mark)]


NAMES = words(
    """Liam Mia Noah Emma Oliver Ava Lucas Zoe Ethan Nora Amir Leila Kenji Yuki Mateo Sofia Diego Elena Ivan Anya
    Omar Fatima Chen Mei Raj Priya Kwame Ama Lars Ingrid Pierre Chloe Hugo Clara Marco Giulia Tomas Petra Ali Samira
    Jonas Freya Felix Hanna Oscar Ruth Samuel Grace Victor Irene"""
)
CITIES = words(
    """Oslo Lima Cairo Paris Rome Kyoto Dublin Berlin Madrid Vienna Prague Lisbon Athens Warsaw Zurich Geneva Helsinki
    Tallinn Riga Krakow Porto Seville Naples Turin Lyon Bergen Malmo Ghent Utrecht Hamburg Munich Toronto Boston
    Chicago Denver Austin Seattle Nairobi Accra Lagos Tunis Dubai Mumbai Delhi Hanoi Manila Seoul Osaka Sydney Perth"""
)
# Things one counts (the plural adds an s) and things that come in a measure.
COUNTED = words(
    """cheese burger, veggie burger, apple pie, lemon cake, ham roll, egg roll, bean burrito, rice ball,
    garlic bagel, chicken wrap, pepper pizza, mushroom pizza, plain croissant, banana muffin, honey waffle, beef pie,
    spring roll, fruit salad, potato pancake""",
    ",",
)
MEASURED = {
    "bowl": ("tomato soup", "noodle soup", "rice pudding", "lentil stew", "miso soup", "fruit yogurt"),
    "cup": ("green tea", "black coffee", "hot cocoa", "mint tea", "oat milk"),
    "bottle": ("apple juice", "cold water", "ginger beer", "red wine", "olive oil"),
    "box": ("dark chocolate", "salted caramel", "white nougat"),
}
NUMBERS = words("one two three four five six seven eight nine ten eleven twelve")
ONE = ("a", "one", "1")

PAID = ("already paid", "paid online", "paid in advance", "paid by card")
OPEN = ("not paid yet", "unpaid", "not yet paid", "still unpaid")

SENTENCES = (
    "{name} from {city} orders {order}, {paid}.",
    "Please send {order} to {name} in {city} ({paid}).",
    "{Order} for {name} in {city}, {paid}.",
    "Hello, this is {name} in {city}. I would like {order}; {paid}.",
    "New order: {order}, going to {city}, customer {name}, {paid}.",
    "Could you bring {order} to {city}? The name is {name}, {paid}.",
    "{city}: {name} asked for {order}. Status: {paid}.",
    "For {name}, {order}. Deliver to {city}. {Paid}.",
    "We need {order} in {city} for {name}, {paid}.",
    "{Paid}: {order} for {name}, to be delivered in {city}.",
    "{name} called and wants {order} brought to {city}; {paid}.",
    "Delivery to {city}. {name} takes {order}. {Paid}.",
)


def row(rng: random.Random) -> dict[str, str]:
    """One order: ``prompt`` is the sentence, ``completion`` the JSON on one line."""
    name, city, qty = rng.choice(NAMES), rng.choice(CITIES), rng.randint(1, 12)
    number = rng.choice(ONE) if qty == 1 else rng.choice((NUMBERS[qty - 1], str(qty)))
    if rng.random() < 0.5:
        item = rng.choice(COUNTED)
        number = "an" if number == "a" and item[0] in "aeiou" else number
        order = f"{number} {item}" if qty == 1 else f"{number} {item}s"
    else:
        measure = rng.choice(list(MEASURED))
        item = rng.choice(MEASURED[measure])
        plural = "boxes" if measure == "box" else measure + "s"
        order = f"{number} {measure if qty == 1 else plural} of {item}"
    is_paid = rng.random() < 0.5
    paid = rng.choice(PAID if is_paid else OPEN)
    prompt = rng.choice(SENTENCES).format(
        name=name, city=city, order=order, Order=upper_first(order), paid=paid, Paid=upper_first(paid)
    )
    answer = {"name": name, "item": item, "qty": qty, "city": city, "paid": is_paid}
    return {"prompt": prompt, "completion": json.dumps(answer)}


def upper_first(text: str) -> str:
    return text[0].upper() + text[1:]


def rows() -> list[dict[str, str]]:
    """All rows; no sentence comes twice."""
    rng = random.Random(SEED)
    made: dict[str, dict[str, str]] = {}
    while len(made) < ROWS:
        new = row(rng)
        made.setdefault(new["prompt"], new)
    return list(made.values())


def text() -> str:
    """The whole file."""
    return "".join(json.dumps(item) + "\n" for item in rows())


if __name__ == "__main__":
    Path(__file__).with_name("orders.jsonl").write_text(text(), "utf-8")
