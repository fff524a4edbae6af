import './workers.js'
import { DOC_EXPLORER_PLUGIN } from '@graphiql/plugin-doc-explorer'
import { explorerPlugin } from '@graphiql/plugin-explorer'
import { HISTORY_PLUGIN } from '@graphiql/plugin-history'
import { pick, useGraphiQL } from '@graphiql/react'
import { GraphiQL } from 'graphiql'
import { useEffect, useMemo } from 'react'
import { createPortal } from 'react-dom'
import { Bar } from './bar.jsx'
import { pretty, storyTabs } from './quickstart.js'
import { fetcherFor } from './server.js'
import { useRun } from './state.js'
import { ownFirst } from './storage.js'
import { USAGE } from './usage.jsx'

const EXPLORER = explorerPlugin({ showAttribution: false })
const PLUGINS = [EXPLORER, USAGE, HISTORY_PLUGIN]
const TABS = storyTabs(useRun.getState().suffix)
const BAR = document.getElementById('bar')
const pane = {}

// GraphiQL reads the width of its left pane from here; its own default is a little wide.
localStorage['graphiql:docExplorerFlex'] ??= '0.3'

/** Wraps long lines, and keeps the variables pane at hand for the fetcher, which lives outside of GraphiQL's stores. */
function Editors() {
  const { queryEditor, responseEditor, variableEditor } = useGraphiQL(
    pick('queryEditor', 'responseEditor', 'variableEditor'),
  )
  pane.editor = variableEditor
  useEffect(() => {
    for (const editor of [queryEditor, responseEditor]) editor?.updateOptions({ wordWrap: 'on', fontSize: 13 })
    variableEditor?.updateOptions({ fontSize: 13 })
  }, [queryEditor, responseEditor, variableEditor])
  return null
}

function show(variables, given) {
  if (pretty(variables) !== pretty(given ?? {})) pane.editor?.setValue(pretty(variables))
}

export function App() {
  const environment = useRun(run => run.environment)
  const key = useRun(run => run.key)
  // GraphiQL reads the schema again when it gets another.
  const fetcher = useMemo(() => fetcherFor(show), [environment, key])
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      visiblePlugin={EXPLORER}
      defaultTabs={TABS}
      storage={ownFirst}
      isHeadersEditorEnabled={false}
      shouldPersistHeaders={false}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>{' '}</GraphiQL.Logo>
      <Editors />
      {createPortal(<Bar />, BAR)}
    </GraphiQL>
  )
}
