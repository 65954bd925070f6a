"""What resolvers share: rank, scope, banding, clusters."""
