import { Button } from '@graphiql/react'
import { address, reportEvent } from './server.js'
import { pretty, storyEvent } from './quickstart.js'
import { useRun } from './state.js'

const Icon = () => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" aria-hidden="true">
    <path d="M4 20V10M10 20V4M16 20v-7M21 20H2" />
  </svg>
)

function Usage() {
  const { environment, suffix, ids, event, answer } = useRun()
  const text = event ?? pretty(storyEvent(ids.customerId, suffix))
  return (
    <section className="bg-usage" aria-label="Report usage">
      <div className="graphiql-doc-explorer-title">Report usage</div>
      <p>
        Events come by REST, with the same key: <code>POST {new URL(address(environment, 'v0/events')).pathname}</code>
      </p>
      {!ids.customerId && <p>Run CreateCustomer first: the event's subject is the customer's id.</p>}
      <textarea
        aria-label="Event"
        spellCheck="false"
        value={text}
        onChange={change => useRun.setState({ event: change.target.value })}
      />
      <Button type="button" onClick={() => reportEvent(text)}>Send the event</Button>
      {answer && (
        <output aria-label="Answer">
          <b>{answer.status}</b>
          <pre>{answer.text}</pre>
        </output>
      )}
    </section>
  )
}

export const USAGE = { title: 'Report usage', icon: Icon, content: Usage }
