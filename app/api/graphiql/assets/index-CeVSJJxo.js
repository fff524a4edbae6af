import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{a as t,c as n,d as r,f as i,g as a,h as o,i as s,l as c,m as l,n as u,o as ee,p as d,r as f,s as p,t as m,u as h}from"./vendor-CYC7diC4.js";import{J as g,Q as _,X as v,Z as te,m as y,q as b}from"./monaco-BjOsylBq.js";var ne=l(),re={json:te,graphql:v};globalThis.MonacoEnvironment={getWorker:(e,t)=>new(re[t]??_)};var x=e(a(),1),ie=e(o(),1);y();var S=`# The main flow, as a user runs it. On a fresh database these documents work verbatim: every operation, argument and field
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
`,ae=/"(acme-1|quickstart-subscribe|quickstart-pay)(?:-[0-9a-z]{5})?"/g,oe={WhatWouldItCost:{model:{standard:{unitPrice:`0.00002`}},quantity:`1500000`}},C=b(S).definitions.map((e,t,n)=>{let r=S.slice(n[t-1]?.loc.end??0,e.loc.start),i=r.slice(r.lastIndexOf(`

`)+1).trim(),a=S.slice(e.loc.start,e.loc.end),o=e.name.value;return{name:o,query:[i,a].filter(Boolean).join(`
`),variables:oe[o]??w(e)}});function w(e){let t=e=>e.kind===g.LIST_TYPE||e.kind===g.NON_NULL_TYPE&&t(e.type);return Object.fromEntries(e.variableDefinitions.map(({variable:e,type:n})=>[e.name.value,t(n)?[]:``]))}var T=e=>Object.keys(e).length?JSON.stringify(e,null,2):``,E=(e,t)=>e.replaceAll(ae,(e,n)=>`"${n}-${t}"`);function se(){return Array.from(crypto.getRandomValues(new Uint8Array(5)),e=>(e%36).toString(36)).join(``)}function D(e){return C.map(({name:t,query:n,variables:r})=>({id:`${t}-${e}`,hash:t,title:t,operationName:t,query:E(n,e),variables:T(r),headers:null,response:null}))}var O=C.map(({query:e})=>e).join(`
`);function k(e,t,n){let r=C.find(({name:t})=>t===e.operationName);return r?{query:E(n?e.query:r.query,t),variables:T(r.variables),response:null}:{response:null}}function ce(e,t){let[n]=S.match(/\{"type":"inference\.completed"[\s\S]*?\}\}/),r=JSON.parse(n.replaceAll(/\n#\s*/g,``));return{...r,subject:e??``,idempotencyKey:`${r.idempotencyKey}-${t}`}}var A=[sessionStorage,localStorage],j={getItem:e=>sessionStorage.getItem(e)??localStorage.getItem(e),setItem:(e,t)=>A.forEach(n=>n.setItem(e,t)),removeItem:e=>A.forEach(t=>t.removeItem(e)),clear:()=>Object.keys({...sessionStorage,...localStorage}).filter(le).forEach(j.removeItem),get length(){return sessionStorage.length}},le=e=>e.startsWith(`graphiql:`),M=`billgraph:key`,N=i(u(()=>({edition:null}),{name:`billgraph:edition`,storage:m(()=>j)})),P=()=>({suffix:se(),begun:!1,ids:{},event:null,answer:null});function F(e,t){return e?.key===t.key&&N.getState().edition===O?{...t,...e}:{...t,environment:e?.environment??t.environment}}var I=i(u(()=>({environment:`sandbox`,key:localStorage.getItem(M)??``,...P()}),{name:`billgraph:run`,storage:m(()=>sessionStorage),merge:F}));function L(e){e?.key!==void 0&&localStorage.setItem(M,e.key),I.setState({...P(),...e})}function R(e){let t=e.customerId?{event:null,answer:null}:{};I.setState(n=>({...t,ids:{...n.ids,...e}}))}var z=d();function B(){let{changeTab:e,moveTab:t,updateActiveTabValues:n}=h(),r=c(e=>e.tabs),i=c(e=>e.activeTabIndex),a=N().edition===O,o=I(e=>e.suffix);return()=>{N.setState({edition:O});let s=new Set(r.map(e=>e.operationName)),c=D(o).filter(e=>!s.has(e.operationName));e(i);let l=r.map((e,t)=>t===i?e:{...e,...k(e,o,a)});t([...l,...c]),n(k(r[i],o,a)),e(i),I.setState({begun:!0})}}function V(){let e=B(),t=c(e=>!!(e.queryEditor&&e.variableEditor&&e.responseEditor)),n=I(e=>e.begun);(0,x.useEffect)(()=>{t&&!n&&e()})}function H(e){try{let{errors:t,message:n}=JSON.parse(e);return t?t.map(e=>e.message).join(` `):n}catch{return e}}function U(){let e=I(e=>!!e.key),t=c(e=>e.schema),n=c(e=>e.fetchError);return e?n?(0,z.jsx)(`span`,{className:`bg-status`,"data-state":`error`,role:`alert`,children:H(n)}):t?(0,z.jsx)(`span`,{className:`bg-status`,"data-state":`ready`,children:`Schema loaded`}):(0,z.jsx)(`span`,{className:`bg-status`,children:`Reading the schema …`}):(0,z.jsxs)(`span`,{className:`bg-status`,"data-state":`hint`,children:[`← the key that `,(0,z.jsx)(`code`,{children:`make run`}),` printed, or a new one from `,(0,z.jsx)(`code`,{children:`billgraph keys create`})]})}function W({onChange:e}){let t=I(e=>e.key),[n,r]=(0,x.useState)(t),i=r=>{r.preventDefault(),n.trim()!==t&&e(n.trim())};return(0,z.jsxs)(`form`,{className:`bg-key`,onSubmit:i,onBlur:i,children:[(0,z.jsx)(`label`,{htmlFor:`bg-key`,children:`API key`}),(0,z.jsx)(`input`,{id:`bg-key`,type:`password`,autoComplete:`off`,placeholder:`sk_…`,title:`Kept in this browser only, and sent to this server only`,value:n,onChange:e=>r(e.target.value)})]})}function G({onChange:e}){let t=I(e=>e.environment);return(0,z.jsx)(p,{role:`group`,"aria-label":`Environment`,children:[`sandbox`,`live`].map(r=>(0,z.jsx)(n,{type:`button`,className:r===t?`active bg-${r}`:void 0,"aria-pressed":r===t,onClick:()=>r===t||e(r),children:r},r))})}var ue=()=>document.querySelector(`button[aria-label="Show Report usage"]`)?.click();function de(){let e=I(e=>e.suffix),{changeTab:t}=h();return V(),(0,z.jsxs)(`header`,{className:`graphiql-container bg-bar`,children:[(0,z.jsx)(`span`,{className:`bg-name`,children:`Billgraph`}),(0,z.jsx)(G,{onChange:e=>L({environment:e})}),(0,z.jsx)(W,{onChange:e=>L({key:e})}),(0,z.jsx)(U,{}),(0,z.jsx)(n,{type:`button`,onClick:ue,children:`Report usage`}),(0,z.jsx)(n,{type:`button`,onClick:()=>{t(0),L()},title:`Play the quickstart again, under names that are still free`,children:`New run`}),(0,z.jsxs)(`span`,{className:`bg-run`,title:`Ends the names that may exist once in an environment`,children:[`run `,(0,z.jsx)(`code`,{children:e})]})]})}y();var fe={testClock:`testClockId`,product:`productId`,billableMetric:`metricId`,fee:`feeId`,plan:`planId`,customer:`customerId`,subscription:`subscriptionId`,invoice:`invoiceId`},K={testClockId:`CreateClock`,productId:`DefineProduct`,metricId:`DefineMetric`,feeId:`DefineFee`,priceIds:`DefinePrices`,planId:`DefinePlan`,customerId:`CreateCustomer`,subscriptionId:`Subscribe`,invoiceId:`Subscribe`,eventId:`Report usage (in the bar above)`};function pe(e){let t=Object.values(e).filter(Boolean),n={};for(let e of t){for(let[t,r]of Object.entries(fe))e[t]?.id&&(n[r]=e[t].id);e.invoices?.length&&(n.invoiceId=e.invoices.at(-1).id)}let r=t.map(e=>e.price?.id).filter(Boolean);return r.length?{...n,priceIds:r}:n}var q=e=>e===void 0||e===``||Array.isArray(e)&&!e.length;function me(e,t,n){let r={...t},i=[];for(let{variable:t,type:a,defaultValue:o}of e?.variableDefinitions??[]){let e=t.name.value;q(r[e])&&e in K&&(q(n[e])?a.kind!==g.NON_NULL_TYPE||o?delete r[e]:i.push(`$${e} is empty. Run ${K[e]} first, or write it into the variables.`):r[e]=n[e])}return{variables:r,missing:i}}y();var J="Enter an API key in the bar above: the one that `make run` printed, or a new one from `billgraph keys create`.",he={live:``,sandbox:`sandbox/`};function Y(e,t){return new URL(`../${he[e]}${t}`,location.href).href}async function X({environment:e,key:t},n,r){let i=await fetch(Y(e,n),{method:`POST`,headers:{accept:`application/json`,"content-type":`application/json`,authorization:`Bearer ${t}`},body:r,credentials:`omit`});return{response:i,answer:await i.json()}}function ge(e,t){let n=I.getState();return(t?.name?.value===`IntrospectionQuery`?[`environment`,`key`]:[`suffix`]).some(t=>e[t]!==n[t])}async function Z(e,t,n){return await Promise.allSettled([t]),ge(e,n)?new Promise(()=>{}):t}function _e(e,t){try{let n=b(e).definitions.filter(({kind:e})=>e===g.OPERATION_DEFINITION);return n.length===1?n[0]:n.find(e=>e.name?.value===t)}catch{return}}function ve(e){return async({query:t,variables:n,operationName:r})=>{let i=I.getState();if(!i.key)return{errors:[{message:J}]};let a=_e(t,r),{variables:o,missing:s}=me(a,n,i.ids);if(s.length)return{errors:s.map(e=>({message:e}))};a?.variableDefinitions.length&&e(o,n);let{answer:c}=await Z(i,X(i,`graphql`,JSON.stringify({query:t,variables:o,operationName:a?.name?.value})),a);return a?.operation===`mutation`&&c.data&&R(pe(c.data)),c}}async function ye(e){let t=I.getState(),n=(e,t)=>I.setState({answer:{status:e,text:t}});if(!t.key)return n(``,J);try{let{response:r,answer:i}=await Z(t,X(t,`v0/events`,e));r.ok&&R({eventId:i.id}),n(`${r.status} ${r.statusText}`,JSON.stringify(i,null,2))}catch(e){n(``,e.message)}}var be=()=>(0,z.jsx)(`svg`,{viewBox:`0 0 24 24`,fill:`none`,stroke:`currentColor`,strokeWidth:`1.5`,strokeLinecap:`round`,"aria-hidden":`true`,children:(0,z.jsx)(`path`,{d:`M4 20V10M10 20V4M16 20v-7M21 20H2`})});function xe(){let{environment:e,suffix:t,ids:r,event:i,answer:a}=I(),o=i??T(ce(r.customerId,t));return(0,z.jsxs)(`section`,{className:`bg-usage`,"aria-label":`Report usage`,children:[(0,z.jsx)(`div`,{className:`graphiql-doc-explorer-title`,children:`Report usage`}),(0,z.jsxs)(`p`,{children:[`Events come by REST, with the same key: `,(0,z.jsxs)(`code`,{children:[`POST `,new URL(Y(e,`v0/events`)).pathname]})]}),!r.customerId&&(0,z.jsx)(`p`,{children:`Run CreateCustomer first: the event's subject is the customer's id.`}),(0,z.jsx)(`textarea`,{"aria-label":`Event`,spellCheck:`false`,value:o,onChange:e=>I.setState({event:e.target.value})}),(0,z.jsx)(n,{type:`button`,onClick:()=>ye(o),children:`Send the event`}),a&&(0,z.jsxs)(`output`,{"aria-label":`Answer`,children:[(0,z.jsx)(`b`,{children:a.status}),(0,z.jsx)(`pre`,{children:a.text})]})]})}var Se={title:`Report usage`,icon:be,content:xe},Q=t({showAttribution:!1}),Ce=[Q,Se,s],we=D(I.getState().suffix),Te=document.getElementById(`bar`),$={};localStorage[`graphiql:docExplorerFlex`]??=`0.3`;function Ee(){let{queryEditor:e,responseEditor:t,variableEditor:n}=c(r(`queryEditor`,`responseEditor`,`variableEditor`));return $.editor=n,(0,x.useEffect)(()=>{for(let n of[e,t])n?.updateOptions({wordWrap:`on`,fontSize:13});n?.updateOptions({fontSize:13})},[e,t,n]),null}function De(e,t){T(e)!==T(t??{})&&$.editor?.setValue(T(e))}function Oe(){let e=I(e=>e.environment),t=I(e=>e.key),n=(0,x.useMemo)(()=>ve(De),[e,t]);return(0,z.jsxs)(f,{fetcher:n,plugins:Ce,referencePlugin:ee,visiblePlugin:Q,defaultTabs:we,storage:j,isHeadersEditorEnabled:!1,shouldPersistHeaders:!1,defaultEditorToolsVisibility:`variables`,inputValueDeprecation:!0,schemaDescription:!0,children:[(0,z.jsx)(f.Logo,{children:` `}),(0,z.jsx)(Ee,{}),(0,ie.createPortal)((0,z.jsx)(de,{}),Te)]})}(0,ne.createRoot)(document.getElementById(`ide`)).render((0,z.jsx)(Oe,{}));