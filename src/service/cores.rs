//! How many threads do the work, where the configuration leaves it to the number
//! of cores.

use std::num::NonZeroUsize;
use std::thread;

use crate::config::Workers;

/// Sockets for each address when the machine's cores decide.
const MOST_SOCKETS: usize = 4;

/// Threads for the fronts and the backs: decoding costs most, a socket needs a
/// core of its own, and about one record in a hundred goes to a back.
pub(super) fn worker_numbers(workers: Workers) -> (usize, usize) {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let fronts = workers.front.map_or((cores / 2).max(1), NonZeroUsize::get);
    let backs = workers.back.map_or((cores / 4).max(1), NonZeroUsize::get);
    (fronts, backs)
}

/// Sockets for each address to listen on. The thread of one receives more than
/// half a million datagrams a second; a core for each eight is left to them.
pub(super) fn sockets_each(workers: Workers) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    workers.receive.map_or((cores / 8).clamp(1, MOST_SOCKETS), NonZeroUsize::get)
}
