import { Kind } from 'graphql'

// Which field of a payload names which variable of the story.
const NAMES = {
  testClock: 'testClockId',
  product: 'productId',
  billableMetric: 'metricId',
  fee: 'feeId',
  plan: 'planId',
  customer: 'customerId',
  subscription: 'subscriptionId',
  invoice: 'invoiceId',
}

const GIVEN_BY = {
  ...{ testClockId: 'CreateClock', productId: 'DefineProduct', metricId: 'DefineMetric', feeId: 'DefineFee' },
  ...{ priceIds: 'DefinePrices', planId: 'DefinePlan', customerId: 'CreateCustomer', subscriptionId: 'Subscribe' },
  ...{ invoiceId: 'Subscribe', eventId: 'Report usage (in the bar above)' },
}

/** The ids in the payloads of a mutation's answer, under the names of the variables that want them. */
export function idsIn(data) {
  const payloads = Object.values(data).filter(Boolean)
  const ids = {}
  for (const payload of payloads) {
    for (const [field, name] of Object.entries(NAMES)) {
      if (payload[field]?.id) ids[name] = payload[field].id
    }
    if (payload.invoices?.length) ids.invoiceId = payload.invoices.at(-1).id
  }
  const priceIds = payloads.map(payload => payload.price?.id).filter(Boolean)
  return priceIds.length ? { ...ids, priceIds } : ids
}

// An explicit null is an answer.
const isEmpty = value => value === undefined || value === '' || (Array.isArray(value) && !value.length)

/** The variables with those that are left empty filled in from memory, and what nobody knows yet in words. */
export function filled(operation, given, ids) {
  const variables = { ...given }
  const missing = []
  for (const { variable, type, defaultValue } of operation?.variableDefinitions ?? []) {
    const name = variable.name.value
    if (!isEmpty(variables[name]) || !(name in GIVEN_BY)) continue
    if (!isEmpty(ids[name])) variables[name] = ids[name]
    else if (type.kind !== Kind.NON_NULL_TYPE || defaultValue) delete variables[name]
    else missing.push(`$${name} is empty. Run ${GIVEN_BY[name]} first, or write it into the variables.`)
  }
  return { variables, missing }
}
