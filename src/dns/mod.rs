//! What resolvers answered: names, aliases and addresses over time.
