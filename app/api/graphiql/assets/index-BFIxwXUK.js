import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{a as t,c as n,d as r,f as i,g as a,h as o,i as s,l as c,m as l,n as u,o as d,p as ee,r as f,s as te,t as ne,u as p}from"./vendor-uDuWUFAZ.js";import{J as m,Q as h,X as g,Z as re,m as _,q as v}from"./monaco-BjOsylBq.js";var ie=l(),y={json:re,graphql:g};globalThis.MonacoEnvironment={getWorker:(e,t)=>new(y[t]??h)};var b=e(a(),1),ae=e(o(),1);_();var x=`# The main flow, as a user runs it. On a fresh database these documents work verbatim: every operation, argument and field
# named here is fixed. All else follows the conventions of architecture.md. Run them in order; ids flow from one to the next.

# 0 ── time we can move (leave out in real life)
mutation CreateClock {
  testClockCreate(input: { name: "quickstart", now: "2026-01-31T00:00:00Z" }) {
    testClock { id now }
    userErrors { code field message }
  }
}

# 1 ── define a product
mutation DefineProduct {
  productCreate(input: { name: "LLM Inference Engine", description: "Hosted inference, billed by the token" }) {
    product { id name }
    userErrors { code field message }
  }
}

# 2 ── set up pricing: what is measured, what it costs, how it is packaged
mutation DefineMetric($productId: ID!) {
  billableMetricCreate(
    input: {
      productId: $productId
      name: "Output tokens"
      unit: "token"
      eventType: "inference.completed"
      aggregation: SUM
      valueProperty: "$.tokens"
      groupBy: [{ name: "model", path: "$.model" }]
    }
  ) {
    billableMetric { id eventType aggregation }
    userErrors { code field message }
  }
}

mutation DefineFee($productId: ID!) {
  feeCreate(input: { productId: $productId, name: "Platform fee" }) {
    fee { id name }
    userErrors { code field message }
  }
}

mutation DefinePrices($metricId: ID!, $feeId: ID!) {
  tokens: priceCreate(
    input: {
      target: { billableMetricId: $metricId }
      invoiceDisplayName: "Output tokens"
      paymentTerm: IN_ARREARS
      model: { standard: { unitPrice: "0.00002" } }
    }
  ) {
    price { id paymentTerm model { __typename ... on StandardPrice { unitPrice } } }
    userErrors { code field message }
  }
  platform: priceCreate(
    input: {
      target: { feeId: $feeId }
      invoiceDisplayName: "Platform fee"
      paymentTerm: IN_ADVANCE
      model: { standard: { unitPrice: "49.00" } }
    }
  ) {
    price { id paymentTerm }
    userErrors { code field message }
  }
}

mutation DefinePlan($productId: ID!, $priceIds: [ID!]!) {
  planCreate(
    input: { productId: $productId, name: "Pro", billingInterval: MONTHLY, currency: "USD", priceIds: $priceIds }
  ) {
    plan { id billingVersion currency defaultVersion { number prices { id invoiceDisplayName } } }
    userErrors { code field message }
  }
}

# 3 ── create a customer and subscribe
mutation CreateCustomer($testClockId: ID) {
  customerCreate(
    input: { name: "Acme", email: "billing@acme.example", externalId: "acme-1", testClockId: $testClockId }
  ) {
    customer { id externalId }
    userErrors { code field message }
  }
}

mutation Subscribe($customerId: ID!, $planId: ID!) {
  subscriptionCreate(input: { customerId: $customerId, planId: $planId, idempotencyKey: "quickstart-subscribe" }) {
    subscription { id status currentPeriod { start end } }
    invoice { id status total { amount currency } amountDue { amount } lines { description quantity amount { amount } } }
    userErrors { code field message }
  }
}

mutation PayInvoice($invoiceId: ID!) {
  invoiceRecordPayment(input: { invoiceId: $invoiceId, method: "bank_transfer", idempotencyKey: "quickstart-pay" }) {
    payment { id amount { amount currency } }
    invoice { id number status paidAt subscription { id status } }
    userErrors { code field message }
  }
}

# 4 ── report usage: POST /v0/events
#   {"type":"inference.completed","source":"https://api.acme.example","subject":"<customer id>",
#    "timestamp":"2026-02-03T12:00:00Z","idempotencyKey":"quickstart-1","data":{"tokens":1500000,"model":"large"}}
# 202 {"id":"evt_…","object":"event",…}; then see what it did:
query WhatHappened($eventId: ID!) {
  eventReceipt(eventId: $eventId) {
    status
    event { id type timestamp }
    repeats { totalCount differing { receivedAt } }
    counted { billableMetric { id } value subscription { id } period { start end } invoice { id } }
    reasons { code message }
  }
}

query Usage($subscriptionId: ID!, $metricId: ID!, $customerId: ID!) {
  subscription(id: $subscriptionId) {
    usage { billableMetric { name unit } quantity amount { amount currency } }
    upcomingInvoice { total { amount } lines { description quantity amount { amount } } }
  }
  billableMetric(id: $metricId) {
    usage(from: "2026-01-31T00:00:00Z", to: "2026-02-28T00:00:00Z", customerId: $customerId, window: DAY, groupBy: ["model"]) {
      total
      windows { start end value groups { key { name value } value } }
    }
  }
}

# 5 ── let the month end, and read the invoice with its reasons
mutation EndOfMonth($testClockId: ID!) {
  testClockAdvance(input: { id: $testClockId, to: "2026-02-28T02:00:00Z" }) {
    testClock { id now }
    invoices { id number status total { amount currency } }
    userErrors { code field message }
  }
}

query ReadInvoice($invoiceId: ID!) {
  invoice(id: $invoiceId) {
    number status issuedAt dueAt
    subtotal { amount } tax { amount } total { amount currency } amountDue { amount }
    customer { id name }
    billedTo { name email }
    lines {
      id description quantity amount { amount currency } exactAmount period { start end } paymentTerm
      price { id model { __typename } }
      explanation {
        steps { operation description input output }
        events(first: 10) { nodes { id timestamp } totalCount }
      }
    }
  }
}

# and at any time, without writing anything: what would this cost?
query WhatWouldItCost($model: PriceModelInput!, $quantity: Decimal, $events: [PricePreviewEventInput!]) {
  pricePreview(model: $model, currency: "USD", quantity: $quantity, events: $events) {
    amount { amount currency }
    exactAmount
    explanation { steps { operation description input output } }
  }
}
`,S=/"(acme-1|quickstart-subscribe|quickstart-pay)(?:-[0-9a-z]{5})?"/g,C={WhatWouldItCost:{model:{standard:{unitPrice:`0.00002`}},quantity:`1500000`}},w=v(x).definitions.map((e,t,n)=>{let r=x.slice(n[t-1]?.loc.end??0,e.loc.start),i=r.slice(r.lastIndexOf(`

`)+1).trim(),a=x.slice(e.loc.start,e.loc.end),o=e.name.value;return{name:o,query:[i,a].filter(Boolean).join(`
`),variables:C[o]??oe(e)}});function oe(e){let t=e=>e.kind===m.LIST_TYPE||e.kind===m.NON_NULL_TYPE&&t(e.type);return Object.fromEntries(e.variableDefinitions.map(({variable:e,type:n})=>[e.name.value,t(n)?[]:``]))}var T=e=>Object.keys(e).length?JSON.stringify(e,null,2):``,E=(e,t)=>e.replaceAll(S,(e,n)=>`"${n}-${t}"`);function se(){return Array.from(crypto.getRandomValues(new Uint8Array(5)),e=>(e%36).toString(36)).join(``)}function D(e){return w.map(({name:t,query:n,variables:r})=>({id:`${t}-${e}`,hash:t,title:t,operationName:t,query:E(n,e),variables:T(r),headers:null,response:null}))}var O=w.map(({query:e})=>e).join(`
`);function k(e,t,n){let r=w.find(({name:t})=>t===e.operationName);return r?{query:E(n?e.query:r.query,t),variables:T(r.variables),response:null}:{}}function A(e,t){let[n]=x.match(/\{"type":"inference\.completed"[\s\S]*?\}\}/),r=JSON.parse(n.replaceAll(/\n#\s*/g,``));return{...r,subject:e??``,idempotencyKey:`${r.idempotencyKey}-${t}`}}var j=i(u(()=>({environment:`sandbox`,key:``}),{name:`billgraph:connection`})),M=i(u(()=>({edition:null}),{name:`billgraph:edition`})),N=()=>({suffix:se(),ids:{},event:null,answer:null}),P=i(u(()=>({...N(),begun:!1}),{name:`billgraph:run`,storage:ne(()=>sessionStorage)}));function F(){let e=N();return P.setState({...e,begun:!0}),e.suffix}function I(e){let t=e.customerId?{event:null,answer:null}:{};P.setState(n=>({...t,ids:{...n.ids,...e}}))}var L=ee();function R(){let{changeTab:e,moveTab:t,updateActiveTabValues:n}=p(),r=c(e=>e.tabs),i=c(e=>e.activeTabIndex),a=M().edition===O;return(o=i)=>{let s=F();M.setState({edition:O});let c=new Set(r.map(e=>e.operationName)),l=D(s).filter(e=>!c.has(e.operationName));e(o);let u=r.map((e,t)=>t===o?e:{...e,...k(e,s,a)});t([...u,...l]),n(k(r[o],s,a)),e(o)}}function z(e){let t=c(e=>!!(e.queryEditor&&e.variableEditor&&e.responseEditor)),n=P(e=>e.begun),{edition:r}=M(),i=!n||r!==O;(0,b.useEffect)(()=>{t&&i&&e()})}function B(e){try{let{errors:t,message:n}=JSON.parse(e);return t?t.map(e=>e.message).join(` `):n}catch{return e}}function V(){let e=j(e=>!!e.key),t=c(e=>e.schema),n=c(e=>e.fetchError);return e?n?(0,L.jsx)(`span`,{className:`bg-status`,"data-state":`error`,role:`alert`,children:B(n)}):t?(0,L.jsx)(`span`,{className:`bg-status`,"data-state":`ready`,children:`Schema loaded`}):(0,L.jsx)(`span`,{className:`bg-status`,children:`Reading the schema …`}):(0,L.jsxs)(`span`,{className:`bg-status`,"data-state":`hint`,children:[`← the key that `,(0,L.jsx)(`code`,{children:`make run`}),` printed, or a new one from `,(0,L.jsx)(`code`,{children:`billgraph keys create`})]})}function H({onChange:e}){let t=j(e=>e.key),[n,r]=(0,b.useState)(t),i=r=>{r.preventDefault(),n.trim()!==t&&e(n.trim())};return(0,L.jsxs)(`form`,{className:`bg-key`,onSubmit:i,onBlur:i,children:[(0,L.jsx)(`label`,{htmlFor:`bg-key`,children:`API key`}),(0,L.jsx)(`input`,{id:`bg-key`,type:`password`,autoComplete:`off`,placeholder:`sk_…`,title:`Kept in this browser only, and sent to this server only`,value:n,onChange:e=>r(e.target.value)})]})}function U({onChange:e}){let t=j(e=>e.environment);return(0,L.jsx)(te,{role:`group`,"aria-label":`Environment`,children:[`sandbox`,`live`].map(r=>(0,L.jsx)(n,{type:`button`,className:r===t?`active bg-${r}`:void 0,"aria-pressed":r===t,onClick:()=>r===t||e(r),children:r},r))})}var W=()=>document.querySelector(`button[aria-label="Show Report usage"]`)?.click();function G(){let e=P(e=>e.suffix),t=R();z(t);let r=e=>{j.setState(e),t()};return(0,L.jsxs)(`header`,{className:`graphiql-container bg-bar`,children:[(0,L.jsx)(`span`,{className:`bg-name`,children:`Billgraph`}),(0,L.jsx)(U,{onChange:e=>r({environment:e})}),(0,L.jsx)(H,{onChange:e=>r({key:e})}),(0,L.jsx)(V,{}),(0,L.jsx)(n,{type:`button`,onClick:W,children:`Report usage`}),(0,L.jsx)(n,{type:`button`,onClick:()=>t(0),title:`Play the quickstart again, under names that are still free`,children:`New run`}),(0,L.jsxs)(`span`,{className:`bg-run`,title:`Ends the names that may exist once in an environment`,children:[`run `,(0,L.jsx)(`code`,{children:e})]})]})}_();var K={testClock:`testClockId`,product:`productId`,billableMetric:`metricId`,fee:`feeId`,plan:`planId`,customer:`customerId`,subscription:`subscriptionId`,invoice:`invoiceId`},q={testClockId:`CreateClock`,productId:`DefineProduct`,metricId:`DefineMetric`,feeId:`DefineFee`,priceIds:`DefinePrices`,planId:`DefinePlan`,customerId:`CreateCustomer`,subscriptionId:`Subscribe`,invoiceId:`Subscribe`,eventId:`Report usage (in the bar above)`};function ce(e){let t=Object.values(e).filter(Boolean),n={};for(let e of t){for(let[t,r]of Object.entries(K))e[t]?.id&&(n[r]=e[t].id);e.invoices?.length&&(n.invoiceId=e.invoices.at(-1).id)}let r=t.map(e=>e.price?.id).filter(Boolean);return r.length?{...n,priceIds:r}:n}var J=e=>e===void 0||e===``||Array.isArray(e)&&!e.length;function le(e,t,n){let r={...t},i=[];for(let{variable:t,type:a,defaultValue:o}of e?.variableDefinitions??[]){let e=t.name.value;J(r[e])&&e in q&&(J(n[e])?a.kind!==m.NON_NULL_TYPE||o?delete r[e]:i.push(`$${e} is empty. Run ${q[e]} first, or write it into the variables.`):r[e]=n[e])}return{variables:r,missing:i}}_();var Y="Enter an API key in the bar above: the one that `make run` printed, or a new one from `billgraph keys create`.",ue={live:``,sandbox:`sandbox/`};function X(e,t){return new URL(`../${ue[e]}${t}`,location.href).href}async function Z({environment:e,key:t},n,r,i={}){return fetch(X(e,n),{method:`POST`,headers:{...i,"content-type":`application/json`,authorization:`Bearer ${t}`},body:r,credentials:`omit`})}function de(e,t){try{let n=v(e).definitions.filter(({kind:e})=>e===m.OPERATION_DEFINITION);return n.length===1?n[0]:n.find(e=>e.name?.value===t)}catch{return}}function fe(e,t){return async({query:n,variables:r,operationName:i},{headers:a}={})=>{if(!e.key)return{errors:[{message:Y}]};let o=de(n,i),{variables:s,missing:c}=le(o,r,P.getState().ids);if(c.length)return{errors:c.map(e=>({message:e}))};o?.variableDefinitions.length&&t(s,r);let l=await(await Z(e,`graphql`,JSON.stringify({query:n,variables:s,operationName:o?.name?.value}),{accept:`application/json`,...a})).json();return o?.operation===`mutation`&&l.data&&I(ce(l.data)),l}}async function pe(e,t){if(!e.key)return{status:``,text:Y};try{let n=await Z(e,`v0/events`,t),r=await n.json();return n.ok&&I({eventId:r.id}),{status:`${n.status} ${n.statusText}`,text:JSON.stringify(r,null,2)}}catch(e){return{status:``,text:e.message}}}var me=()=>(0,L.jsx)(`svg`,{viewBox:`0 0 24 24`,fill:`none`,stroke:`currentColor`,strokeWidth:`1.5`,strokeLinecap:`round`,"aria-hidden":`true`,children:(0,L.jsx)(`path`,{d:`M4 20V10M10 20V4M16 20v-7M21 20H2`})});function he(){let e=j(),{suffix:t,ids:r,event:i,answer:a}=P(),o=i??T(A(r.customerId,t));return(0,L.jsxs)(`section`,{className:`bg-usage`,"aria-label":`Report usage`,children:[(0,L.jsx)(`div`,{className:`graphiql-doc-explorer-title`,children:`Report usage`}),(0,L.jsxs)(`p`,{children:[`Events come by REST, with the same key: `,(0,L.jsxs)(`code`,{children:[`POST `,new URL(X(e.environment,`v0/events`)).pathname]})]}),!r.customerId&&(0,L.jsx)(`p`,{children:`Run CreateCustomer first: the event's subject is the customer's id.`}),(0,L.jsx)(`textarea`,{"aria-label":`Event`,spellCheck:`false`,value:o,onChange:e=>P.setState({event:e.target.value})}),(0,L.jsx)(n,{type:`button`,onClick:async()=>P.setState({answer:await pe(e,o)}),children:`Send the event`}),a&&(0,L.jsxs)(`output`,{"aria-label":`Answer`,children:[(0,L.jsx)(`b`,{children:a.status}),(0,L.jsx)(`pre`,{children:a.text})]})]})}var ge={title:`Report usage`,icon:me,content:he},Q=t({showAttribution:!1}),_e=[Q,ge,s],ve=D(P.getState().suffix),ye=document.getElementById(`bar`),$={};localStorage[`graphiql:docExplorerFlex`]??=`0.3`;function be(){let{queryEditor:e,responseEditor:t,variableEditor:n}=c(r(`queryEditor`,`responseEditor`,`variableEditor`));return $.editor=n,(0,b.useEffect)(()=>{for(let n of[e,t])n?.updateOptions({wordWrap:`on`,fontSize:13});n?.updateOptions({fontSize:13})},[e,t,n]),null}function xe(e,t){T(e)!==T(t??{})&&$.editor?.setValue(T(e))}function Se(){let{environment:e,key:t}=j(),n=(0,b.useMemo)(()=>fe({environment:e,key:t},xe),[e,t]);return(0,L.jsxs)(f,{fetcher:n,plugins:_e,referencePlugin:d,visiblePlugin:Q,defaultTabs:ve,defaultEditorToolsVisibility:`variables`,inputValueDeprecation:!0,schemaDescription:!0,children:[(0,L.jsx)(f.Logo,{children:` `}),(0,L.jsx)(be,{}),(0,ae.createPortal)((0,L.jsx)(G,{}),ye)]})}(0,ie.createRoot)(document.getElementById(`ide`)).render((0,L.jsx)(Se,{}));