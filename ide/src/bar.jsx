import { Button, ButtonGroup, useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { useEffect, useState } from 'react'
import { EDITION, renewed, storyTabs } from './quickstart.js'
import { beginRun, useConnection, useEdition, useRun } from './state.js'

/** Begins a new run: fresh suffix and empty variables in the story's tabs, and those that were closed again. */
function useNewRun() {
  const { changeTab, moveTab, updateActiveTabValues } = useGraphiQLActions()
  const tabs = useGraphiQL(state => state.tabs)
  const current = useGraphiQL(state => state.activeTabIndex)
  const keepEdits = useEdition().edition === EDITION
  return (index = current) => {
    const suffix = beginRun()
    useEdition.setState({ edition: EDITION })
    const open = new Set(tabs.map(tab => tab.operationName))
    const closed = storyTabs(suffix).filter(tab => !open.has(tab.operationName))
    changeTab(index)
    // The active tab has to stay the same object; it is renewed after.
    const others = tabs.map((tab, at) => (at === index ? tab : { ...tab, ...renewed(tab, suffix, keepEdits) }))
    moveTab([...others, ...closed])
    updateActiveTabValues(renewed(tabs[index], suffix, keepEdits))
    changeTab(index)
  }
}

/** Begins a run once the editors are there, unless this visit has one already. */
function useFirstRun(newRun) {
  const ready = useGraphiQL(state => Boolean(state.queryEditor && state.variableEditor && state.responseEditor))
  const begun = useRun(run => run.begun)
  const { edition } = useEdition()
  const isDue = !begun || edition !== EDITION
  useEffect(() => {
    if (ready && isDue) newRun()
  })
}

function errorOf(text) {
  try {
    const { errors, message } = JSON.parse(text)
    return errors ? errors.map(error => error.message).join(' ') : message
  } catch {
    return text
  }
}

function Status() {
  const hasKey = useConnection(state => Boolean(state.key))
  const schema = useGraphiQL(state => state.schema)
  const error = useGraphiQL(state => state.fetchError)
  if (!hasKey) {
    return (
      <span className="bg-status" data-state="hint">
        ← the key that <code>make run</code> printed, or a new one from <code>billgraph keys create</code>
      </span>
    )
  }
  if (error) return <span className="bg-status" data-state="error" role="alert">{errorOf(error)}</span>
  if (schema) return <span className="bg-status" data-state="ready">Schema loaded</span>
  return <span className="bg-status">Reading the schema …</span>
}

function Key({ onChange }) {
  const key = useConnection(state => state.key)
  const [text, setText] = useState(key)
  const commit = event => {
    event.preventDefault()
    if (text.trim() !== key) onChange(text.trim())
  }
  return (
    <form className="bg-key" onSubmit={commit} onBlur={commit}>
      <label htmlFor="bg-key">API key</label>
      <input
        id="bg-key"
        type="password"
        autoComplete="off"
        placeholder="sk_…"
        title="Kept in this browser only, and sent to this server only"
        value={text}
        onChange={event => setText(event.target.value)}
      />
    </form>
  )
}

function Environment({ onChange }) {
  const current = useConnection(state => state.environment)
  return (
    <ButtonGroup role="group" aria-label="Environment">
      {['sandbox', 'live'].map(kind => (
        <Button
          key={kind}
          type="button"
          className={kind === current ? `active bg-${kind}` : undefined}
          aria-pressed={kind === current}
          onClick={() => kind === current || onChange(kind)}
        >
          {kind}
        </Button>
      ))}
    </ButtonGroup>
  )
}

const openUsage = () => document.querySelector('button[aria-label="Show Report usage"]')?.click()

/** The bar above: environment, key, how the server took it, and the run. */
export function Bar() {
  const suffix = useRun(run => run.suffix)
  const newRun = useNewRun()
  useFirstRun(newRun)
  // Ids of one environment, or of another key's merchant, mean nothing elsewhere.
  const connect = change => {
    useConnection.setState(change)
    newRun()
  }
  return (
    <header className="graphiql-container bg-bar">
      <span className="bg-name">Billgraph</span>
      <Environment onChange={environment => connect({ environment })} />
      <Key onChange={key => connect({ key })} />
      <Status />
      <Button type="button" onClick={openUsage}>Report usage</Button>
      <Button type="button" onClick={() => newRun(0)} title="Play the quickstart again, under names that are still free">
        New run
      </Button>
      <span className="bg-run" title="Ends the names that may exist once in an environment">
        run <code>{suffix}</code>
      </span>
    </header>
  )
}
