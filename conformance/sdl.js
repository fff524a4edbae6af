// schema.graphql as graphql-js reads it, and what the server answers to introspection: the same schema.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema, validateSchema } from 'graphql';

const SCHEMA = new URL('../schema.graphql', import.meta.url);

export async function sdl(server) {
  const published = buildSchema(await readFile(SCHEMA, 'utf8'));
  assert.deepEqual(validateSchema(published), []);
  const query = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, oneOf: true });
  const headers = { 'content-type': 'application/json' };
  const answer = await server.fetch(server.url, { method: 'POST', headers, body: JSON.stringify({ query }) });
  const served = buildClientSchema((await answer.json()).data);
  assert.deepEqual(validateSchema(served), []);
  const [left, right] = [published, served].map((schema) => printSchema(lexicographicSortSchema(schema)));
  assert.equal(left, right);
  return `${Object.keys(published.getTypeMap()).length} types, valid, and the same by introspection`;
}
