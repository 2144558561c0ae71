//! The configuration file: raw, checked, then `Config`.
