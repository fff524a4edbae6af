import { Kind, parse } from 'graphql'
import quickstart from '../../examples/quickstart.graphql?raw'

// What may exist once in an environment, so that a second run needs another.
const ONCE = /"(acme-1|quickstart-subscribe|quickstart-pay)(?:-[0-9a-z]{5})?"/g

const READY = {
  WhatWouldItCost: { model: { standard: { unitPrice: '0.00002' } }, quantity: '1500000' },
}

/** An operation with the comment right above it, and its variables: ready, or empty until an answer fills them. */
const OPERATIONS = parse(quickstart).definitions.map((operation, index, all) => {
  const before = quickstart.slice(all[index - 1]?.loc.end ?? 0, operation.loc.start)
  const comment = before.slice(before.lastIndexOf('\n\n') + 1).trim()
  const text = quickstart.slice(operation.loc.start, operation.loc.end)
  const name = operation.name.value
  return { name, query: [comment, text].filter(Boolean).join('\n'), variables: READY[name] ?? emptyVariables(operation) }
})

function emptyVariables(operation) {
  const isList = type => type.kind === Kind.LIST_TYPE || (type.kind === Kind.NON_NULL_TYPE && isList(type.type))
  return Object.fromEntries(
    operation.variableDefinitions.map(({ variable, type }) => [variable.name.value, isList(type) ? [] : '']),
  )
}

export const pretty = value => (Object.keys(value).length ? JSON.stringify(value, null, 2) : '')

const suffixed = (text, suffix) => text.replaceAll(ONCE, (_all, name) => `"${name}-${suffix}"`)

export function newSuffix() {
  return Array.from(crypto.getRandomValues(new Uint8Array(5)), byte => (byte % 36).toString(36)).join('')
}

/** The story's tabs, one for each operation, as GraphiQL keeps tabs. */
export function storyTabs(suffix) {
  return OPERATIONS.map(({ name, query, variables }) => ({
    id: `${name}-${suffix}`,
    hash: name,
    title: name,
    operationName: name,
    query: suffixed(query, suffix),
    variables: pretty(variables),
    headers: null,
    response: null,
  }))
}

/** Tells one edition of the story from another, so that tabs kept from an older one are not played again. */
export const EDITION = OPERATIONS.map(({ query }) => query).join('\n')

/** What changes in an open tab when a new run begins: only the answer goes where the tab is none of the story's. */
export function renewed(tab, suffix, keepEdits) {
  const operation = OPERATIONS.find(({ name }) => name === tab.operationName)
  if (!operation) return { response: null }
  const query = suffixed(keepEdits ? tab.query : operation.query, suffix)
  return { query, variables: pretty(operation.variables), response: null }
}

/** The event of step 4, as the comment in the quickstart shows it. */
export function storyEvent(customerId, suffix) {
  const [json] = quickstart.match(/\{"type":"inference\.completed"[\s\S]*?\}\}/)
  const event = JSON.parse(json.replaceAll(/\n#\s*/g, ''))
  return { ...event, subject: customerId ?? '', idempotencyKey: `${event.idempotencyKey}-${suffix}` }
}
