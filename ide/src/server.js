import { Kind, parse } from 'graphql'
import { filled, idsIn } from './memory.js'
import { remember, useRun } from './state.js'

export const NO_KEY = 'Enter an API key in the bar above: the one that `make run` printed, or a new one from `billgraph keys create`.'

const PREFIXES = { live: '', sandbox: 'sandbox/' }

/** The address of an endpoint; the page is served one level below the root. */
export function address(environment, path) {
  return new URL(`../${PREFIXES[environment]}${path}`, location.href).href
}

async function post({ environment, key }, path, body, headers = {}) {
  return fetch(address(environment, path), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
    credentials: 'omit',
  })
}

// Right after a change of tabs GraphiQL still names the operation of the other one; a document's only one is meant.
function operationIn(query, name) {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
    return operations.length === 1 ? operations[0] : operations.find(operation => operation.name?.value === name)
  } catch {
    return undefined // The server says where the document breaks.
  }
}

/** A fetcher that fills in what variables were left empty, shows it by `show`, and remembers what mutations made. */
export function fetcherFor(connection, show) {
  return async ({ query, variables: given, operationName }, { headers } = {}) => {
    if (!connection.key) return { errors: [{ message: NO_KEY }] }
    const operation = operationIn(query, operationName)
    const { variables, missing } = filled(operation, given, useRun.getState().ids)
    if (missing.length) return { errors: missing.map(message => ({ message })) }
    if (operation?.variableDefinitions.length) show(variables, given)
    const body = JSON.stringify({ query, variables, operationName: operation?.name?.value })
    const response = await post(connection, 'graphql', body, { accept: 'application/json', ...headers })
    const answer = await response.json()
    if (operation?.operation === 'mutation' && answer.data) remember(idsIn(answer.data))
    return answer
  }
}

/** Reports one event; returns the status and the answer as text. */
export async function reportEvent(connection, text) {
  if (!connection.key) return { status: '', text: NO_KEY }
  try {
    const response = await post(connection, 'v0/events', text)
    const answer = await response.json()
    if (response.ok) remember({ eventId: answer.id })
    return { status: `${response.status} ${response.statusText}`, text: JSON.stringify(answer, null, 2) }
  } catch (error) {
    return { status: '', text: error.message }
  }
}
