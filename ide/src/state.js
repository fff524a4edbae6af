import { create } from 'zustand'
import { createJSONStorage, persist } from 'zustand/middleware'
import { newSuffix } from './quickstart.js'

/** Where requests go and with which key: kept by this browser, and sent nowhere else. */
export const useConnection = create(persist(() => ({ environment: 'sandbox', key: '' }), { name: 'billgraph:connection' }))

/** Which edition of the story the tabs that this browser keeps are of. */
export const useEdition = create(persist(() => ({ edition: null }), { name: 'billgraph:edition' }))

const newRun = () => ({ suffix: newSuffix(), ids: {}, event: null, answer: null })

/** One telling of the story: its suffix, and what the answers named. A reload keeps it, a visit begins another. */
export const useRun = create(
  persist(() => ({ ...newRun(), begun: false }), {
    name: 'billgraph:run',
    storage: createJSONStorage(() => sessionStorage),
  }),
)

export function beginRun() {
  const run = newRun()
  useRun.setState({ ...run, begun: true })
  return run.suffix
}

export function remember(ids) {
  // An event that was edited for an earlier customer is not the new one's.
  const event = ids.customerId ? { event: null, answer: null } : {}
  useRun.setState(run => ({ ...event, ids: { ...run.ids, ...ids } }))
}
