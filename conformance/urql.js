// urql: a mutation, a query through its cache, and both kinds of errors.
import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';

const CREATE = gql`mutation ($input: CustomerCreateInput!) {
  customerCreate(input: $input) { customer { id name } userErrors { code field message } }
}`;
const READ = gql`query ($id: ID!) { customer(id: $id) { id name externalId metadata } }`;

export async function urql(server) {
  const client = new Client({ url: server.url, exchanges: [cacheExchange, fetchExchange], fetch: server.fetch });
  const input = { name: 'Acme', externalId: 'urql-1', metadata: { team: 'search' } };
  const created = await client.mutation(CREATE, { input });
  assert.equal(created.error, undefined);
  const { id } = created.data.customerCreate.customer;

  const read = await client.query(READ, { id });
  const { __typename, ...customer } = read.data.customer;
  assert.deepEqual(customer, { id, ...input });

  const again = await client.mutation(CREATE, { input });
  assert.deepEqual(again.data.customerCreate.userErrors.map(({ code, field }) => [code, field]), [['TAKEN', 'externalId']]);
  const wrong = await client.query(gql`{ nothing }`, {});
  assert.equal(wrong.error.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  return 'a query, a mutation and both kinds of errors';
}
