import { create } from 'zustand'
import { createJSONStorage, persist } from 'zustand/middleware'
import { EDITION, newSuffix } from './quickstart.js'
import { ownFirst } from './storage.js'

const KEY = 'billgraph:key'

/** Which edition of the story the tabs that this browser keeps are of. */
export const useEdition = create(
  persist(() => ({ edition: null }), { name: 'billgraph:edition', storage: createJSONStorage(() => ownFirst) }),
)

const newRun = () => ({ suffix: newSuffix(), begun: false, ids: {}, event: null, answer: null })

/** What this browser tab goes on with: of a run under another key, or of an older story, only the environment. */
function resumed(kept, fresh) {
  const isSame = kept?.key === fresh.key && useEdition.getState().edition === EDITION
  return isSame ? { ...fresh, ...kept } : { ...fresh, environment: kept?.environment ?? fresh.environment }
}

/**
 * One telling of the story: the environment and the key it is told with, its suffix, and what the answers named.
 * It belongs to the browser tab, whose reload keeps it; a visit begins another, in the sandbox.
 */
export const useRun = create(
  persist(() => ({ environment: 'sandbox', key: localStorage.getItem(KEY) ?? '', ...newRun() }), {
    name: 'billgraph:run',
    storage: createJSONStorage(() => sessionStorage),
    merge: resumed,
  }),
)

/** Begins a run, in another environment or with another key where one is given; ids of the one before mean nothing there. */
export function beginRun(change) {
  if (change?.key !== undefined) localStorage.setItem(KEY, change.key)
  useRun.setState({ ...newRun(), ...change })
}

export function remember(ids) {
  // An event that was edited for an earlier customer is not the new one's.
  const event = ids.customerId ? { event: null, answer: null } : {}
  useRun.setState(run => ({ ...event, ids: { ...run.ids, ...ids } }))
}
