import { Kind, parse } from 'graphql'
import { filled, idsIn } from './memory.js'
import { remember, useRun } from './state.js'

export const NO_KEY = 'Enter an API key in the bar above: the one that `make run` printed, or a new one from `billgraph keys create`.'

const PREFIXES = { live: '', sandbox: 'sandbox/' }

/** The address of an endpoint; the page is served one level below the root. */
export function address(environment, path) {
  return new URL(`../${PREFIXES[environment]}${path}`, location.href).href
}

async function post({ environment, key }, path, body) {
  const response = await fetch(address(environment, path), {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
    credentials: 'omit',
  })
  return { response, answer: await response.json() }
}

// The schema outlives a run: GraphiQL asks for it once for an environment and a key.
function isOver(run, operation) {
  const now = useRun.getState()
  const marks = operation?.name?.value === 'IntrospectionQuery' ? ['environment', 'key'] : ['suffix']
  return marks.some(mark => run[mark] !== now[mark])
}

/** What the request gives, or nothing ever where its run is over: GraphiQL shows what settles, even an error, in the next. */
async function unlessOver(run, request, operation) {
  await Promise.allSettled([request])
  return isOver(run, operation) ? new Promise(() => {}) : request
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
export function fetcherFor(show) {
  return async ({ query, variables: given, operationName }) => {
    const run = useRun.getState()
    if (!run.key) return { errors: [{ message: NO_KEY }] }
    const operation = operationIn(query, operationName)
    const { variables, missing } = filled(operation, given, run.ids)
    if (missing.length) return { errors: missing.map(message => ({ message })) }
    if (operation?.variableDefinitions.length) show(variables, given)
    const body = JSON.stringify({ query, variables, operationName: operation?.name?.value })
    const { answer } = await unlessOver(run, post(run, 'graphql', body), operation)
    if (operation?.operation === 'mutation' && answer.data) remember(idsIn(answer.data))
    return answer
  }
}

/** Reports one event, and keeps the status and the answer as text. */
export async function reportEvent(text) {
  const run = useRun.getState()
  const show = (status, words) => useRun.setState({ answer: { status, text: words } })
  if (!run.key) return show('', NO_KEY)
  try {
    const { response, answer } = await unlessOver(run, post(run, 'v0/events', text))
    if (response.ok) remember({ eventId: answer.id })
    show(`${response.status} ${response.statusText}`, JSON.stringify(answer, null, 2))
  } catch (error) {
    show('', error.message)
  }
}
