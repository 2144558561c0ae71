//! The only chain of the stages: `Front` and `Back`.
