//! A synthetic ISP with known truth.
