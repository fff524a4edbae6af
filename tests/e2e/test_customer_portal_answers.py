"""examples/customer-portal where answers come late: its script in Node, with as much of a page as it touches."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.support.server import ROOT

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node on PATH")

PORTAL = ROOT / "examples" / "customer-portal" / "portal.js"
#: A page whose questions wait until they are answered by hand, each known by the token that asked.
PAGE = """
globalThis.Node = class {
  children = []; dataset = {}; heard = {}; hidden = true; textContent = ''; value = ''
  append(...children) { this.children.push(...children) }
  replaceChildren(...children) { this.children = children }
  addEventListener(name, listener) { this.heard[name] = listener }
}
const elements = {}, at = id => elements[id] ??= new Node()
globalThis.document = {
  querySelector: () => ({ content: 'http://127.0.0.1:8000/graphql' }),
  getElementById: at,
  createElement: () => new Node(),
}
globalThis.location = { hash: '', pathname: '/', search: '', origin: 'http://127.0.0.1:8080' }
globalThis.addEventListener = () => {}
const asked = []
globalThis.fetch = (_, { headers }) => new Promise((answer, fail) => {
  asked.push({ token: headers.authorization.slice('Bearer '.length), answer, fail })
})
const settled = () => new Promise(resolve => setTimeout(resolve))
const give = token => {
  at('token').value = token
  at('ask').heard.submit({ preventDefault() {} })
}
const more = () => at('more').heard.click()
// Answers the oldest question of a token that was not answered yet.
const take = token => asked.splice(asked.findIndex(one => one.token === token), 1)[0]
async function answer(token, numbers = [token], hasNextPage = true) {
  const nodes = numbers.map(number => ({
    number, status: 'PAID', pageUrl: '/', total: { amount: '1.00', currency: 'USD' },
    amountDue: { amount: '0.00', currency: 'USD' },
  }))
  const invoices = { nodes, pageInfo: { hasNextPage, endCursor: numbers.at(-1) } }
  const me = { name: token, creditBalances: [], subscriptions: { nodes: [] }, invoices }
  take(token).answer({ status: 200, json: async () => ({ data: { me } }) })
  await settled()
}
async function refuse(token) { take(token).answer({ status: 401 }); await settled() }
async function lose(token) { take(token).fail(new TypeError('gone')); await settled() }
const numbers = () => at('invoices').children.map(row => row.children[0].children[0].textContent)
"""
SHOWN = """
console.log(JSON.stringify({
  name: at('name').textContent, hidden: at('shown').hidden, status: at('status').textContent, numbers: numbers(),
}))
"""


def shown_after(steps: str) -> dict[str, Any]:
    assert NODE is not None
    script = f"{PAGE}\nawait import({json.dumps(PORTAL.as_uri())})\n{steps}\n{SHOWN}"
    done = subprocess.run(
        [NODE, "--input-type=module", "-"], input=script, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


BOB = {"name": "bob", "hidden": False, "status": "", "numbers": ["bob"]}


@pytest.mark.parametrize("late", ["answer('ada')", "refuse('ada')", "lose('ada')"])
@pytest.mark.parametrize(
    "steps",
    [
        # Ada's page was asked for, then Bob's; hers comes last, or first.
        "give('ada'); give('bob'); await answer('bob'); await {late}",
        "give('ada'); give('bob'); await {late}; await answer('bob')",
        # More of Ada's invoices were asked for.
        "give('ada'); await answer('ada'); more(); give('bob'); await answer('bob'); await {late}",
        "give('ada'); await answer('ada'); more(); give('bob'); await {late}; await answer('bob')",
    ],
)
def test_what_comes_for_a_former_token_is_dropped(steps: str, late: str) -> None:
    assert shown_after(steps.format(late=late)) == BOB


def test_a_late_answer_does_not_open_a_page_that_was_refused_or_is_still_asked_for() -> None:
    refused = shown_after("give('ada'); give('bob'); await refuse('bob'); await answer('ada')")
    assert (refused["hidden"], refused["numbers"]) == (True, [])
    assert "not valid" in refused["status"]
    waiting = shown_after("give('ada'); give('bob'); await answer('ada')")
    assert waiting == {"name": "", "hidden": True, "status": "Asking …", "numbers": []}


def test_earlier_invoices_asked_for_twice_are_shown_once() -> None:
    steps = "give('ada'); await answer('ada', ['3', '2']); more(); more(); await answer('ada', ['1'], false)"
    shown = shown_after(f"{steps}; await answer('ada', ['1'], false)")
    assert shown == {"name": "ada", "hidden": False, "status": "", "numbers": ["3", "2", "1"]}


def test_errors_of_the_last_question_are_said() -> None:
    assert "not valid" in shown_after("give('ada'); await refuse('ada')")["status"]
    assert "reached" in shown_after("give('ada'); await answer('ada'); more(); await lose('ada')")["status"]
