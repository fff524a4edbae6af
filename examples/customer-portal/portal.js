// Shows one customer its usage, its next invoice and its invoices, with a customer token.
//
// The token is pasted, or comes in the fragment (#token=ct_…), which browsers send to no server; it is taken out of the
// address at once and kept in memory only. Whatever the server says becomes text by textContent, never markup.

const API = document.querySelector('meta[name="billgraph"]').content

const MONEY = 'amount currency'
const INVOICES = `
  invoices(first: 10, after: $after, orderBy: { field: CREATED_AT, direction: DESC }) {
    nodes { id number status issuedAt dueAt total { ${MONEY} } amountDue { ${MONEY} } pageUrl }
    pageInfo { hasNextPage endCursor }
  }`
const EVERYTHING = `query Portal($after: String) {
  me {
    name
    creditBalances { ${MONEY} }
    subscriptions(first: 20) {
      nodes {
        id status timezone
        plan { name }
        currentPeriod { start end }
        usage { quantity amount { ${MONEY} } countedUpTo billableMetric { name unit } price { invoiceDisplayName } }
        upcomingInvoice { boundaryAt total { ${MONEY} } lines { description quantity amount { ${MONEY} } } }
      }
    }
    ${INVOICES}
  }
}`
const EARLIER = `query Earlier($after: String) { me { ${INVOICES} } }`

let token = ''
let cursor = null
let lastAsked = 0

const at = id => document.getElementById(id)

// Amounts and quantities are decimals in text, which Intl writes without making floats of them.
const money = ({ amount, currency }) => new Intl.NumberFormat(undefined, { style: 'currency', currency }).format(amount)
const number = quantity => new Intl.NumberFormat(undefined, { maximumFractionDigits: 18 }).format(quantity)
const day = (instant, timeZone) =>
  instant ? new Date(instant).toLocaleDateString(undefined, { dateStyle: 'medium', timeZone }) : ''

function element(name, text, className) {
  const made = document.createElement(name)
  made.textContent = text
  if (className) made.className = className
  return made
}

function row(cells) {
  const made = document.createElement('tr')
  made.append(...cells.map(cell => {
    const isFigure = typeof cell === 'object' && 'figure' in cell
    if (cell instanceof Node) {
      const holder = element('td', '')
      holder.append(cell)
      return holder
    }
    return element('td', isFigure ? cell.figure : cell, isFigure ? 'figure' : '')
  }))
  return made
}

function table(rows) {
  const made = document.createElement('table')
  made.append(...rows)
  return made
}

function say(text, state = 'ready') {
  at('status').textContent = text
  at('status').dataset.state = state
}

class Told extends Error {}

async function ask(query, variables) {
  let response
  try {
    response = await fetch(API, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      credentials: 'omit',
    })
  } catch {
    throw new Told(`${API} can't be reached, or does not allow pages of ${location.origin}.`)
  }
  if (response.status === 401) throw new Told('The token is not valid, or not any more. Ask for another one.')
  if (response.status === 429 || response.status === 503) throw new Told('The server is busy. Try again in a moment.')
  const answer = await response.json()
  if (answer.errors) throw new Told(answer.errors.map(error => error.message).join(' '))
  return answer.data
}

function subscription({ plan, status, timezone, currentPeriod, usage, upcomingInvoice }) {
  const made = document.createElement('section')
  made.append(element('h2', plan.name))
  const period = currentPeriod && `${day(currentPeriod.start, timezone)} to ${day(currentPeriod.end, timezone)}`
  made.append(element('p', [status, period].filter(Boolean).join(', '), 'quiet'))
  if (usage.length) {
    made.append(element('h3', 'Used so far'))
    made.append(table(usage.map(one => row([
      one.price.invoiceDisplayName,
      { figure: [number(one.quantity), one.billableMetric.unit].filter(Boolean).join(' ') },
      { figure: money(one.amount) },
    ]))))
    if (usage.some(one => one.countedUpTo)) made.append(element('p', 'The last minutes are still being counted.', 'quiet'))
  }
  if (upcomingInvoice) {
    made.append(element('h3', `Next invoice, ${day(upcomingInvoice.boundaryAt, timezone)}`))
    made.append(table([
      ...upcomingInvoice.lines.map(line => row([
        line.description, { figure: number(line.quantity) }, { figure: money(line.amount) },
      ])),
      row(['Total', { figure: '' }, { figure: money(upcomingInvoice.total) }]),
    ]))
  }
  return made
}

function invoice({ number: name, status, issuedAt, dueAt, total, amountDue, pageUrl }) {
  const link = element('a', name)
  const target = new URL(pageUrl, API)
  if (['http:', 'https:'].includes(target.protocol)) link.href = target
  link.target = '_blank'
  link.rel = 'noopener noreferrer'
  return row([link, day(issuedAt), day(dueAt), status, { figure: money(total) }, { figure: money(amountDue) }])
}

function addInvoices({ nodes, pageInfo }) {
  at('invoices').append(...nodes.map(invoice))
  cursor = pageInfo.endCursor
  at('more').hidden = !pageInfo.hasNextPage
}

// Answers may come in another order than they were asked for in. What came of all but the last question is dropped,
// errors too: it may be of the customer whose token was here before.
async function askLast(query, variables, use) {
  const asked = ++lastAsked
  try {
    const data = await ask(query, variables)
    if (asked === lastAsked) use(data)
  } catch (error) {
    if (!(error instanceof Told)) throw error
    if (asked === lastAsked) say(error.message, 'error')
  }
}

function show() {
  at('shown').hidden = true
  say('Asking …', 'busy')
  askLast(EVERYTHING, { after: null }, fill)
}

function fill({ me }) {
  if (me === null) throw new Told('This is an API key, which belongs on your server. Make a customer token with it.')
  at('name').textContent = me.name
  at('credit').textContent = me.creditBalances.length ? `In hand: ${me.creditBalances.map(money).join(', ')}` : ''
  at('subscriptions').replaceChildren(...me.subscriptions.nodes.map(subscription))
  at('invoices').replaceChildren()
  addInvoices(me.invoices)
  at('shown').hidden = false
  say('')
}

at('ask').addEventListener('submit', event => {
  event.preventDefault()
  token = at('token').value.trim()
  at('token').value = ''
  show()
})

at('more').addEventListener('click', () => askLast(EARLIER, { after: cursor }, ({ me }) => addInvoices(me.invoices)))

function takeFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  if (!given) return
  history.replaceState(null, '', location.pathname + location.search)
  token = given
  show()
}

// Another link to this page, followed where it is open already, loads nothing anew.
addEventListener('hashchange', takeFromAddress)
takeFromAddress()
