"""Random operations from the schema, each from a seed and a number, with ids that exist and texts that hurt."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from app.ids import new_id
from tests.support.identifiers import TYPES, root
from tests.support.life import LIFE, leaves, replaced
from tests.support.scopes import is_one_of

HOSTILE_TEXTS = (
    "", " ", "a" * 256, "\u202e", "\u0007", "\ufeff", "<script>", "' OR 1=1 --", "%_\\", "../../etc", "{{7*7}}",
    "=cmd|' /C'!A0", "🦓", "e\u0301", "null", "\n", "x\ty", "0", "-1",
)  # fmt: skip
NAMES = (
    "Acme",
    "Engine",
    "acme-1",
    "engine",
    "tokens",
    "pro",
    "inference",
    "call",
    "large",
    "$.tokens",
    "model",
    "UTC",
)
DECIMALS = (
    "0", "1", "2", "0.1", "0.01", "10", "49", "100", "0.00002", "-1", "-0", "1.005", "99999999999999999999", "1e3",
    "0.000000000000000001", "NaN", "1000000", "3.50",
)  # fmt: skip
INSTANTS = (
    "2026-01-31T00:00:00Z", "2026-02-05T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00+02:00",
    "2026-04-01T12:00:00Z", "2026-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2500-12-31T23:59:59Z",
    "2028-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "tomorrow",
)  # fmt: skip
INTEGERS = (0, 1, 2, 5, 20, 100, 101, -1, 2**31 - 1, -(2**31), 365, 14)
JSONS: tuple[Any, ...] = (
    {}, {"tokens": 5}, {"tokens": "1.5", "model": "large"}, {"a": {"b": [1, None]}}, [], "x", 0, None, True,
    {"": ""}, {"tokens": "NaN"}, {"seats": 1e20}, {"tokens": -3},
)  # fmt: skip
CURRENCIES = ("USD", "EUR", "JPY", "KWD", "XXY", "usd", "CLF")
#: Of a hundred arguments so many are what no field takes.
STRANGE = 6
#: So many mutations begin with an input that once was valid.
ACTED = 0.6
DEEPEST = 4


@dataclass
class Operation:
    """A request, and how to make it again."""

    name: str
    query: str
    variables: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}\n{self.query}\n{json.dumps(self.variables)}"


@dataclass
class Fuzzer:
    """Makes operations. What it learns of ids it puts into later ones, so that they meet what is there."""

    seed: int
    ids: dict[str, list[str]] = field(default_factory=dict)
    number: int = 0
    avoided: str = ""
    #: What the acts of a life made, by name.
    made: dict[str, str] = field(default_factory=dict)

    def next(self) -> Operation:
        """Return the next operation."""
        self.number += 1
        chosen = Random(f"{self.seed} {self.number}")
        return _Maker(chosen, self.ids, self.made).operation(f"operation {self.number} of seed {self.seed}")

    def learn(self, answer: Any) -> None:
        """Remember the ids of an answer, the last hundred of each noun."""
        for text in _texts(answer):
            prefix, _, rest = text.partition("_")
            if len(rest) == 26 and 2 <= len(prefix) <= 5:
                known = self.ids.setdefault(prefix, [])
                if text not in known and text != self.avoided:
                    known.append(text)
                    del known[:-100]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(item)


@dataclass
class _Maker:
    """Makes one operation."""

    chosen: Random
    ids: dict[str, list[str]]
    made: dict[str, str]
    declared: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    fields: int = 0

    def operation(self, name: str) -> Operation:
        is_mutation = self.chosen.random() < 0.6
        kind = root("Mutation" if is_mutation else "Query")
        picked = self.chosen.choice(sorted(kind.fields))
        body = self._field(picked, kind.fields[picked], 0)
        declared = ", ".join(f"${name}: {text}" for name, text in self.declared.items())
        head = "mutation" if is_mutation else "query"
        return Operation(name, f"{head}{f'({declared})' if declared else ''} {{ {body} }}", self.variables)

    def _field(self, name: str, taken: GraphQLField, depth: int) -> str:
        self.fields += 1
        given = []
        for argument, item in taken.args.items():
            is_needed = isinstance(item.type, GraphQLNonNull) and not item.default_value
            if is_needed or self.chosen.random() < 0.35:
                variable = f"v{len(self.declared)}"
                self.declared[variable] = str(item.type)
                acted = depth == 0 and argument == "input" and self.chosen.random() < ACTED
                self.variables[variable] = self._acted(name, item.type) if acted else self._value(argument, item.type)
                given.append(f"{argument}: ${variable}")
        selected = self._selected(taken.type, depth + 1)
        return f"{name}{self._listed(given)}{selected}"

    @staticmethod
    def _listed(given: Sequence[str]) -> str:
        return f"({', '.join(given)})" if given else ""

    def _selected(self, output: GraphQLOutputType, depth: int) -> str:
        kind = get_named_type(output)
        if is_leaf_type(kind):
            return ""
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            concrete = self.chosen.choice(self._concrete(kind))
            return f" {{ __typename ... on {concrete.name}{self._selected(concrete, depth)} }}"
        assert isinstance(kind, GraphQLObjectType)
        names = sorted(kind.fields)
        leaves = [name for name in names if is_leaf_type(get_named_type(kind.fields[name].type))]
        picked = self.chosen.sample(leaves, min(len(leaves), self.chosen.randint(1, 6)))
        if depth < DEEPEST and self.fields < 40:
            rest = [name for name in names if name not in leaves]
            picked += self.chosen.sample(rest, min(len(rest), self.chosen.randint(0, 3)))
        always = [name for name in ("id", "userErrors") if name in names and name not in picked]
        parts = []
        for place, name in enumerate([*always, *picked]):
            inner = kind.fields[name]
            shown = "userErrors { code field message }" if name == "userErrors" else self._field(name, inner, depth)
            parts.append(shown if name in leaves or name == "userErrors" else f"f{depth}_{place}: {shown}")
        return f" {{ __typename {' '.join(parts)} }}"

    @staticmethod
    def _concrete(kind: GraphQLUnionType | GraphQLInterfaceType) -> list[GraphQLObjectType]:
        if isinstance(kind, GraphQLUnionType):
            return list(kind.types)
        return [one for one in TYPES.values() if isinstance(one, GraphQLObjectType) and kind in one.interfaces]

    def _acted(self, mutation: str, kind: GraphQLInputType) -> Any:
        """Return the input of an act, on what there is now, with something more and something else in a few places."""
        act = self.chosen.choice([act for act in LIFE if act.mutation == mutation])
        given = dict(self._put(act.input))
        named = get_named_type(kind)
        assert isinstance(named, GraphQLInputObjectType)
        for name in sorted(named.fields):
            if name not in given and not is_one_of(named) and self.chosen.random() < 0.15:
                given[name] = self._value(name, named.fields[name].type, 1)
        places = [path for path, _ in leaves(given)]
        for path in self.chosen.sample(places, min(len(places), self.chosen.choice((0, 0, 1, 1, 2)))):
            given = replaced(given, path, self._other(path, kind))
        return given

    def _other(self, path: tuple[str | int, ...], kind: GraphQLInputType) -> Any:
        name = "input"
        for step in path:
            kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
            if isinstance(kind, GraphQLList) and isinstance(step, int):
                kind = kind.of_type
            elif isinstance(kind, GraphQLInputObjectType) and step in kind.fields:
                name, kind = str(step), kind.fields[str(step)].type
            else:  # within JSON, or within something strange
                return self.chosen.choice(JSONS)
        return self._value(name, kind, 1)

    def _put(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self._put(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._put(item) for item in value]
        if isinstance(value, str) and value.startswith("<"):
            own = self.made[value[1:-1]]
            return self.chosen.choice([own, *self.ids.get(own.partition("_")[0], [])[-8:]])
        return value.replace("~", self.chosen.choice(("mine", "1", "2", "3"))) if isinstance(value, str) else value

    def _value(self, name: str, kind: GraphQLInputType, depth: int = 0) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(name, kind.of_type, depth)
        return None if self.chosen.randint(1, 100) <= 3 else self._given(name, kind, depth)

    def _given(self, name: str, kind: GraphQLInputType, depth: int) -> Any:
        if isinstance(kind, GraphQLList):
            return [self._value(name, kind.of_type, depth) for _ in range(self.chosen.choice((0, 1, 1, 1, 2, 3)))]
        if self.chosen.randint(1, 100) <= STRANGE:
            return self.chosen.choice((*HOSTILE_TEXTS, *JSONS, *INTEGERS))
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, depth)
        if isinstance(kind, GraphQLEnumType):
            return self.chosen.choice(sorted(kind.values))
        return self._scalar(name, get_named_type(kind).name)

    def _object(self, kind: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        names = sorted(kind.fields)
        if is_one_of(kind) and self.chosen.random() < 0.95:
            picked = [self.chosen.choice(names)]
        else:
            likely = 0.25 if kind.name.endswith(("Filter", "UpdateInput")) else 0.4
            needed = [name for name in names if isinstance(kind.fields[name].type, GraphQLNonNull)]
            needed = [
                name for name in needed if kind.fields[name].ast_node is None and not self._has_default(kind, name)
            ]
            picked = [name for name in names if name in needed or self.chosen.random() < likely]
        return {name: self._value(name, kind.fields[name].type, depth + 1) for name in picked}

    @staticmethod
    def _has_default(kind: GraphQLInputObjectType, name: str) -> bool:
        default = kind.fields[name].default_value
        return default is not None and str(default) != "Undefined"

    def _scalar(self, name: str, kind: str) -> Any:
        if kind == "ID":
            return self._id(name)
        if kind == "String":
            return self._text(name)
        choices: dict[str, Sequence[Any]] = {
            "Boolean": (True, False),
            "CurrencyCode": CURRENCIES[:1] * 5 + CURRENCIES,
            "DateTime": INSTANTS,
            "Decimal": DECIMALS,
            "Int": INTEGERS,
            "JSON": JSONS,
        }
        return self.chosen.choice(choices[kind])

    def _text(self, name: str) -> str:
        if name == "idempotencyKey":
            return f"k{self.chosen.randint(1, 40)}"
        if name == "name" or self.chosen.random() < 0.7:
            return self.chosen.choice(NAMES)
        return self.chosen.choice(HOSTILE_TEXTS)

    def _id(self, name: str) -> str:
        likely = _PREFIXES.get(name.removesuffix("s"))
        if self.chosen.random() < 0.08:
            return self.chosen.choice((new_id("cus"), "", "x", "engine", *HOSTILE_TEXTS))
        known = self.ids.get(likely or self.chosen.choice(sorted(self.ids) or [""]), [])
        return self.chosen.choice(known) if known else new_id(likely or "cus")


_PREFIXES = {
    "productId": "prod", "billableMetricId": "bm", "metricId": "bm", "feeId": "fee", "featureId": "feat",
    "priceId": "price", "planId": "plan", "planVersionId": "pver", "fromPlanVersionId": "pver", "fromId": "pver",
    "toId": "pver", "customerId": "cus", "subscriptionId": "sub", "invoiceId": "inv", "lineId": "li",
    "paymentId": "pay", "eventId": "evt", "testClockId": "clk", "entitlementId": "ent", "creditNoteId": "cn",
    "featureKey": "feat", "after": "sub", "subject": "cus",
}  # fmt: skip
