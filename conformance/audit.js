// The audit suite of graphql-http: GraphQL over HTTP as its specification words it.
import assert from 'node:assert/strict';
import { auditServer } from 'graphql-http';

export async function audit(server) {
  const results = await auditServer({ url: server.url, fetchFn: server.fetch });
  const failed = results.filter((result) => result.status !== 'ok');
  assert.deepEqual(failed.map((result) => `${result.status}: ${result.name}: ${result.reason}`), []);
  return `${results.length - failed.length} ok of ${results.length}`;
}
