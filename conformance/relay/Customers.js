import { graphql } from 'relay-runtime';

export const page = graphql`
  fragment Customers_page on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "CustomersPageQuery") {
    customers(first: $count, after: $cursor) @connection(key: "Customers_customers") {
      edges { node { id ...Customers_customer } }
    }
  }
`;

export const customer = graphql`
  fragment Customers_customer on Customer
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "CustomersCustomerQuery") {
    name
    invoices(first: $count, after: $cursor) @connection(key: "Customers_invoices") {
      edges { node { id number total { amount currency } } }
    }
  }
`;

export const query = graphql`
  query CustomersQuery {
    ...Customers_page
  }
`;

export const create = graphql`
  mutation CustomersCreateMutation($input: CustomerCreateInput!, $connections: [ID!]!) {
    customerCreate(input: $input) {
      customer @appendNode(connections: $connections, edgeTypeName: "CustomerEdge") { id name }
      userErrors { code field message }
    }
  }
`;
