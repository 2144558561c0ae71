//! Dedicated or shared: who owns what an address serves.
