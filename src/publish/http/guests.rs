//! Who is connected, and how many may be.
//!
//! A guest has a place until its connection goes. There are so many places in
//! all, and so many for one address, so that one cannot take all. This machine
//! may: behind a reverse proxy every guest comes from it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pace::network;

/// Connections at once; further ones wait to be accepted.
pub(super) const CONNECTIONS: usize = 256;
/// Connections of one address: more than a browser opens, and two scrapers.
pub(super) const FROM_ONE: usize = 16;

/// What is known of whoever has sent a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    /// Where the connection comes from.
    pub(super) address: IpAddr,
    /// Whether nobody between can read it: TLS, or the machine itself.
    pub(super) private: bool,
    /// Whether it has shown a client certificate that holds.
    pub(super) certified: bool,
}

impl Guest {
    /// Who comes from `address`, perhaps by TLS.
    pub(super) fn new(address: SocketAddr, tls: bool, certified: bool) -> Self {
        let address = address.ip().to_canonical();
        Self { address, private: tls || address.is_loopback(), certified }
    }
}

/// The places.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    from_one: usize,
}

/// A place that is taken, until it is dropped.
pub(super) struct Place {
    address: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// So many places, and so many for one address.
    pub(super) fn new(connections: usize, from_one: usize) -> Self {
        let free = Arc::new(Semaphore::new(connections));
        Self { free, by_address: Arc::default(), from_one }
    }

    /// Waits until a place is free.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed, so a permit comes in the end.
        self.free.clone().acquire_owned().await.ok()
    }

    /// Takes the place for `address`; nothing if it has too many.
    pub(super) fn take(&self, permit: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = by_address.entry(address).or_default();
        if *taken >= self.from_one && !address.is_loopback() {
            return None;
        }
        *taken += 1;
        drop(by_address);
        Some(Place { address, by_address: self.by_address.clone(), _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = by_address.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_cannot_take_all_places_and_gives_its_own_back() {
        let places = Places::new(8, 2);
        let take = async |address: &str| {
            let permit = places.free().await.unwrap();
            places.take(permit, address.parse().unwrap())
        };
        let first = take("192.0.2.1").await;
        let second = take("192.0.2.1").await;
        assert!(first.is_some() && second.is_some());
        assert!(take("192.0.2.1").await.is_none());
        assert!(take("192.0.2.2").await.is_some());
        drop(first);
        assert!(take("192.0.2.1").await.is_some());
        let here: Vec<_> =
            [take("127.0.0.1").await, take("127.0.0.1").await, take("127.0.0.1").await].into();
        assert!(here.iter().all(Option::is_some), "this machine may");
        drop((second, here));
        assert!(places.by_address.lock().unwrap().is_empty(), "nothing stays");
    }
}
