"""What a linter can't hold: budgets, where impurity may live, and that code, schema, tests and docs agree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

ROOT = Path(__file__).parent.parent
SOURCES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(), str(path))
    for path in sorted((ROOT / "app").rglob("*.py"))
    if path.stat().st_size
}
FUNCTIONS = [
    (f"{path}:{node.lineno} {node.name}", node)
    for path, tree in SOURCES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]
MONEY_ROOMS = ("app/billing/", "app/services/", "app/metering/", "app/models/")
CONTRACT_ROOMS = ("app/billing/", "app/services/", "app/metering/")
# What `billing` may import: values and arithmetic, nothing that reads the world.
PURE = {
    *("abc", "bisect", "calendar", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum"),
    *("fractions", "functools", "heapq", "itertools", "json", "math", "operator", "re", "string", "types", "typing"),
    *("unicodedata", "zoneinfo"),
    *("app", "dateutil", "iso4217"),
}
#: What refuses a request with a code.
REFUSALS = {"ClientError", "Refusal", "NotTaken", "InvalidBatch"}
# The one file that may, and what nobody else does.
IMPURITIES = {
    "app/clock.py": r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|localtime|gmtime)",
    "app/ids.py": r"(uuid|uuid_utils|secrets|random)(\..*)?|os\.urandom",
    "app/settings.py": r"os\.(environ|environb|getenv)(\..*)?",
}


def dotted_names(tree: ast.AST) -> Iterator[str]:
    """Every imported name and every attribute path the code uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions of the module and methods of its classes, but for those whose name begins with an underscore."""
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))
    for body in (tree.body, *(node.body for node in classes)):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_stay_small() -> None:
    sizes = {path: len((ROOT / path).read_text().splitlines()) for path in SOURCES}
    assert {path: size for path, size in sizes.items() if size > 300} == {}
    assert median(sizes.values()) <= 90


def test_functions_stay_small() -> None:
    assert {name: lines_of(node) for name, node in FUNCTIONS if lines_of(node) > 60} == {}
    assert median(lines_of(node) for _, node in FUNCTIONS) <= 10


def test_a_root_field_takes_ten_lines_at_most() -> None:
    resolvers = [(name, node) for name, node in FUNCTIONS if name.startswith("app/resolvers/")]
    bodies = {name: (node.end_lineno or 0) - node.body[0].lineno + 1 for name, node in resolvers}
    assert {name: size for name, size in bodies.items() if size > 10} == {}


def test_money_never_meets_float_or_round() -> None:
    calls = [
        f"{path}:{node.lineno}"
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if path.startswith(MONEY_ROOMS) and isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id in {"float", "round"}
    ]
    assert calls == []


@pytest.mark.parametrize("home", IMPURITIES)
def test_time_randomness_and_environment_have_one_home_each(home: str) -> None:
    strays = {
        (path, name)
        for path, tree in SOURCES.items()
        for name in dotted_names(tree)
        if path != home and re.fullmatch(IMPURITIES[home], name)
    }
    assert strays == set()


def test_billing_is_pure() -> None:
    for path, tree in SOURCES.items():
        if not path.startswith("app/billing/"):
            continue
        nodes = list(ast.walk(tree))
        imported = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
        imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {name for name in imported if name.split(".")[0] not in PURE} == set(), path
        assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in nodes), path


def test_public_functions_state_their_contract() -> None:
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in SOURCES.items()
        if path.startswith(CONTRACT_ROOMS)
        for node in public_functions(tree)
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_files_are_named_after_nouns() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
    paths = [path.relative_to(ROOT) for folder in ("app", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in paths if drawers & {part.removesuffix(".py") for part in path.parts}] == []


def test_the_naive_replay_shares_no_code_with_the_product() -> None:
    naive = {path.name: ast.parse(path.read_text()) for path in (ROOT / "tests/naive").glob("*.py")}
    imported = {name: {found.split(".")[0] for found in dotted_names(tree)} for name, tree in naive.items()}
    assert {name for name, found in imported.items() if found & {"app", "dateutil", "iso4217"}} == set()


def test_every_error_code_is_tested() -> None:
    from app.billing.errors import ErrorCode

    paths = [path for folder in ("unit", "integration") for path in (ROOT / "tests" / folder).rglob("*.py")]
    text = "\n".join(path.read_text() for path in paths)
    assert [code.name for code in ErrorCode if not re.search(rf"ErrorCode\.{code.name}\b|[\"']{code}[\"']", text)] == []


def request_codes_of(tree: ast.AST) -> Iterator[str]:
    """The codes that a file refuses requests with: given to refusals, under "code", or called a code or a problem."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) in REFUSALS:
            given = [item for item in node.args if isinstance(item, ast.Constant)]
        elif isinstance(node, ast.Dict):
            given = [
                item for key, item in zip(node.keys, node.values, strict=True) if key and ast.unparse(key) == "'code'"
            ]
        elif isinstance(node, ast.Assign) and re.search(r"\b(code|problem)$", ast.unparse(node.targets[0])):
            given = [node.value]
        elif isinstance(node, ast.arguments) and any(one.arg == "code" for one in node.args):
            given = node.defaults
        constants = [inner.value for item in given for inner in ast.walk(item) if isinstance(inner, ast.Constant)]
        yield from (text for text in constants if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z_]+", text))


def test_codes_of_refused_requests_are_a_closed_list() -> None:
    """Each is declared, used, described in the docs, and provoked by a test."""
    from app.billing.request_codes import DESCRIPTIONS, RequestCode

    used = {code for tree in SOURCES.values() for code in request_codes_of(tree)}
    assert used == set(RequestCode), "declare it in app/billing/request_codes.py"
    assert set(DESCRIPTIONS) == set(RequestCode)
    docs = (ROOT / "docs/errors.md").read_text()
    assert [code for code in RequestCode if f"| `{code}` | {DESCRIPTIONS[code]} |" not in docs] == []
    provoked = (ROOT / "tests/contract/test_request_codes.py").read_text()
    assert [code for code in RequestCode if f"RequestCode.{code.name}" not in provoked] == []


def test_decisions_fit_on_a_page() -> None:
    pages = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "docs/decisions").glob("*.md")}
    assert {name: size for name, size in pages.items() if size > 40} == {}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    from app.graphql import schema

    return schema._schema


def test_the_exported_schema_is_the_code() -> None:
    from app.graphql import export_schema

    assert (ROOT / "schema.graphql").read_text().rstrip() == export_schema().rstrip()


def test_the_exported_schema_has_no_root_of_live_operations() -> None:
    text = (ROOT / "schema.graphql").read_text()
    assert text.startswith("schema {")  # without this block tools take the billing object Subscription for that root
    assert build_schema(text).subscription_type is None


def test_every_mutation_reports_user_errors(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType), name
        assert payload.name == f"{name[0].upper()}{name[1:]}Payload"
        assert str(payload.fields["userErrors"].type) == "[UserError!]!", name


def test_everything_in_the_schema_is_described(schema: GraphQLSchema) -> None:
    assert [path for path, description in described(schema) if not (description or "").strip()] == []


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything of the schema that is ours, with its description."""
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description
    for name, kind in schema.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", member.description) for value, member in kind.values.items())
        elif isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{key}", field.description) for key, field in kind.fields.items())
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in kind.fields.items():
                yield f"{name}.{key}", field.description
                yield from ((f"{name}.{key}({arg})", value.description) for arg, value in field.args.items())
