//! The hitlist: what an endpoint stands for.
