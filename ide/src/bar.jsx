import { Button, ButtonGroup, useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { useEffect, useState } from 'react'
import { EDITION, renewed, storyTabs } from './quickstart.js'
import { beginRun, useEdition, useRun } from './state.js'

/** Takes the tabs over into a run: its suffix, empty variables, no answers, and the story's that were closed again. */
function useTakeOver() {
  const { changeTab, moveTab, updateActiveTabValues } = useGraphiQLActions()
  const tabs = useGraphiQL(state => state.tabs)
  const index = useGraphiQL(state => state.activeTabIndex)
  const keepEdits = useEdition().edition === EDITION
  const suffix = useRun(run => run.suffix)
  return () => {
    useEdition.setState({ edition: EDITION })
    const open = new Set(tabs.map(tab => tab.operationName))
    const closed = storyTabs(suffix).filter(tab => !open.has(tab.operationName))
    changeTab(index)
    // The active tab has to stay the same object; it is renewed after.
    const others = tabs.map((tab, at) => (at === index ? tab : { ...tab, ...renewed(tab, suffix, keepEdits) }))
    moveTab([...others, ...closed])
    updateActiveTabValues(renewed(tabs[index], suffix, keepEdits))
    changeTab(index)
    useRun.setState({ begun: true })
  }
}

/** Shows a run that began, once the editors are there. */
function useBegunRun() {
  const takeOver = useTakeOver()
  const ready = useGraphiQL(state => Boolean(state.queryEditor && state.variableEditor && state.responseEditor))
  const begun = useRun(run => run.begun)
  useEffect(() => {
    if (ready && !begun) takeOver()
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
  const hasKey = useRun(run => Boolean(run.key))
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
  const key = useRun(run => run.key)
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
  const current = useRun(run => run.environment)
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
  const { changeTab } = useGraphiQLActions()
  useBegunRun()
  const playAgain = () => {
    changeTab(0)
    beginRun()
  }
  return (
    <header className="graphiql-container bg-bar">
      <span className="bg-name">Billgraph</span>
      <Environment onChange={environment => beginRun({ environment })} />
      <Key onChange={key => beginRun({ key })} />
      <Status />
      <Button type="button" onClick={openUsage}>Report usage</Button>
      <Button type="button" onClick={playAgain} title="Play the quickstart again, under names that are still free">
        New run
      </Button>
      <span className="bg-run" title="Ends the names that may exist once in an environment">
        run <code>{suffix}</code>
      </span>
    </header>
  )
}
