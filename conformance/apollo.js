// Apollo Client: a mutation, pages that grow by relayStylePagination, nested ones too, and a cache keyed by id.
import assert from 'node:assert/strict';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';

const CREATE_PRODUCT = gql`mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id name } userErrors { code field message } }
}`;
const CREATE_FEE = gql`mutation ($input: FeeCreateInput!) {
  feeCreate(input: $input) { fee { id name } userErrors { code field message } }
}`;
const RENAME = gql`mutation ($input: ProductUpdateInput!) {
  productUpdate(input: $input) { product { id name } userErrors { code field message } }
}`;
const PRODUCTS = gql`query ($after: String) {
  products(first: 2, after: $after) {
    totalCount
    edges { cursor node { id name } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const FEES = gql`query ($id: ID!, $after: String) {
  product(id: $id) { id fees(first: 2, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } } }
}`;

export async function apollo(server) {
  const client = new ApolloClient({
    link: new HttpLink({ uri: server.url, fetch: server.fetch }),
    cache: new InMemoryCache({
      typePolicies: {
        Query: { fields: { products: relayStylePagination() } },
        Product: { fields: { fees: relayStylePagination() } },
      },
    }),
  });
  const names = ['one', 'two', 'three', 'four', 'five'];
  const ids = [];
  for (const name of names) ids.push(await make(client, CREATE_PRODUCT, { name }));
  for (const name of names) await make(client, CREATE_FEE, { name, productId: ids[0] });

  assert.deepEqual(await pages(client, PRODUCTS, {}, (data) => data.products), names);
  assert.deepEqual(await pages(client, FEES, { id: ids[0] }, (data) => data.product.fees), names);

  await client.mutate({ mutation: RENAME, variables: { input: { id: ids[4], name: 'last' } } });
  const cached = client.readQuery({ query: PRODUCTS });
  assert.equal(cached.products.edges[4].node.name, 'last');

  const refused = await client.mutate({ mutation: CREATE_PRODUCT, variables: { input: { name: '' } } });
  assert.deepEqual(refused.data.productCreate.userErrors.map(({ code, field }) => [code, field]), [['BLANK', 'name']]);
  const wrong = client.query({ query: gql`{ products(first: 1000) { totalCount } }`, fetchPolicy: 'network-only' });
  await assert.rejects(wrong, (error) => error.errors[0].extensions.code === 'BAD_PAGE');
  return 'queries, mutations, two levels of pages, the cache and both kinds of errors';
}

async function make(client, mutation, input) {
  const { data } = await client.mutate({ mutation, variables: { input } });
  const [payload] = Object.values(data);
  assert.deepEqual(payload.userErrors, []);
  return Object.values(payload).find((value) => value?.id).id;
}

async function pages(client, query, variables, connectionOf) {
  let connection = connectionOf((await client.query({ query, variables })).data);
  const watched = client.watchQuery({ query, variables });
  const watching = watched.subscribe({});
  while (connection.pageInfo.hasNextPage) {
    await watched.fetchMore({ variables: { after: connection.pageInfo.endCursor } });
    connection = connectionOf(client.readQuery({ query, variables }));
  }
  watching.unsubscribe();
  return connection.edges.map((edge) => edge.node.name);
}
