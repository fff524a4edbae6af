// relay-compiler on schema.graphql; then every document it wrote is run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const COMPILER = new URL('node_modules/relay-compiler/cli.js', import.meta.url).pathname;
const HERE = new URL('.', import.meta.url).pathname;
const WRITTEN = new URL('relay/__generated__/', import.meta.url);

export async function relay(server) {
  await rm(WRITTEN, { recursive: true, force: true });
  await mkdir(WRITTEN);
  await promisify(execFile)(process.execPath, [COMPILER, 'relay.config.json'], { cwd: HERE });
  const files = (await readdir(WRITTEN)).filter((name) => name.endsWith('.graphql.js'));
  const operations = [];
  for (const name of files.filter((name) => /(Query|Mutation)\.graphql\.js$/.test(name))) {
    operations.push((await import(new URL(name, WRITTEN))).default.params);
  }
  operations.sort((one, other) => one.operationKind.localeCompare(other.operationKind)); // first the mutation
  let id = null;
  for (const { name, text } of operations) {
    const data = await run(server, text, { id, input: { name }, connections: [] });
    id ??= data.customerCreate.customer.id;
    if ('node' in data) assert.equal(data.node.id, id);
    if ('customers' in data) assert.deepEqual(data.customers.edges.map((edge) => edge.node.id), [id]);
  }
  assert.deepEqual(operations.map((operation) => operation.name).sort(), [
    'CustomersCreateMutation', 'CustomersCustomerQuery', 'CustomersPageQuery', 'CustomersQuery',
  ]);
  return `${files.length} artifacts, ${operations.length} operations compiled and run`;
}

async function run(server, query, variables) {
  const headers = { 'content-type': 'application/json' };
  const answer = await server.fetch(server.url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
