//! Which side of a flow is a subscriber line, and its pseudonym.
