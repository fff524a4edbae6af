"""`billgraph catalog plan`, `apply` and `export`, as a user types them, against the real server."""

import json
from pathlib import Path

from tests.support.command_line import Typed, type_to
from tests.support.server import Server, serve

EXAMPLE = Path(__file__).parents[2] / "examples" / "catalogs" / "llm-tokens.yaml"
SUBSCRIBE = """mutation {
  customerCreate(input: { name: "Acme", email: "a@acme.example", externalId: "acme-1" }) { customer { id } }
}"""


def catalog(server: Server, *arguments: str) -> Typed:
    return type_to(server, "catalog", *arguments)


def subscribe(server: Server) -> None:
    customer = server.gql(SUBSCRIBE)["customerCreate"]["customer"]["id"]
    made = server.gql(
        """mutation ($customer: ID!) {
          subscriptionCreate(input: { customerId: $customer, planId: "pro" }) { userErrors { message } }
        }""",
        customer=customer,
    )
    assert made["subscriptionCreate"]["userErrors"] == []


def test_a_catalog_is_planned_applied_changed_and_exported(database_url: str, tmp_path: Path) -> None:
    changed, exported = tmp_path / "changed.yaml", tmp_path / "exported.yaml"
    with serve(database_url) as server:
        planned = catalog(server, "plan", str(EXAMPLE), "--exit-code")
        assert planned.returncode == 3, planned.stderr
        assert planned.stdout.splitlines()[:4] == [
            "+ product llm",
            "+ billable metric input-tokens",
            "+ billable metric output-tokens",
            "+ fee platform",
        ]
        assert planned.stdout.splitlines()[-1] == "plan: 12 to create, 0 untouched"
        assert server.gql("{ plans { totalCount } }")["plans"] == {"totalCount": 0}

        applied = catalog(server, "apply", str(EXAMPLE), "--yes")
        assert (applied.returncode, applied.stdout.splitlines()[-1]) == (0, "applied: 12 created, 0 untouched")
        again = catalog(server, "apply", str(EXAMPLE), "--yes")
        assert (again.returncode, again.stdout) == (0, "nothing to change, 12 untouched\n")
        assert catalog(server, "export", str(exported)).returncode == 0
        same = catalog(server, "plan", str(exported), "--exit-code", "--json")
        assert same.returncode == 0
        assert [change["action"] for change in json.loads(same.stdout)["changes"]] == ["UNTOUCHED"] * 12

        subscribe(server)
        text = EXAMPLE.read_text().replace("name: Scale", "name: Scale up")
        text = text.replace("priceIds: [input-tokens-2026, output", "priceIds: [output")
        changed.write_text(text.replace("  - key: scale\n", "  - key: scale\n    description: For many\n"))
        planned = catalog(server, "plan", str(changed))
        prices = ["input-tokens-2026", "output-tokens-2026", "platform-monthly-2026"]
        assert planned.stdout.splitlines() == [
            "^ plan pro",
            f"    priceIds: {json.dumps(prices)} -> {json.dumps(prices[1:])}",
            "    affects 1 subscription, of Acme",
            "~ plan scale",
            '    name: "Scale" -> "Scale up"',
            '    description: null -> "For many"',
            "plan: 1 to change, 1 to get a new version, 10 untouched",
        ]


def test_a_half_valid_catalog_is_refused_with_every_problem_and_its_line(database_url: str, tmp_path: Path) -> None:
    file, lines = tmp_path / "bad.yaml", EXAMPLE.read_text().splitlines()
    term = lines.index("    paymentTerm: IN_ARREARS")
    unknown = lines.index("    productId: llm")
    with serve(database_url) as server:
        lines[unknown], lines[term] = "    productId: other", "    paymentTerm: IN_ADVANCE"
        file.write_text("\n".join(lines))
        refused = catalog(server, "apply", str(file), "--yes")
        problems = refused.stderr.splitlines()
        assert (refused.returncode, problems[-1]) == (1, "Nothing was changed.")
        assert problems[0].startswith(f"{file}:{unknown + 1}: billableMetrics.0.productId: ")
        assert problems[1].startswith(f"{file}:{term + 1}: prices.0.paymentTerm: ")
        assert server.gql("{ products { totalCount } }")["products"] == {"totalCount": 0}
