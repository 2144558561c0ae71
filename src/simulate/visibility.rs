//! What sampling leaves visible of devices: the figures of the paper's §3 for
//! the traffic model, so that its parameters rest on something.
//!
//! A testbed of devices is drawn with the habits that the simulated ISP's
//! devices have, and each hour of it once as its own network sees it and once
//! as its provider's sampled exports do. The paper counts service addresses. A
//! name has one or a few of them at each site, which all devices there share: a
//! device that keeps up with the name stays on one for most of its packets, and
//! each short contact goes to any.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Range;

use super::draw::{Draw, Purpose};
use super::rates::{Habit, MOST_ADDRESSES, Manner, SLIGHT_PACKETS};

/// A device of a testbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// Where it stands: every site has service addresses of its own.
    pub site: u32,
    /// The names it knows by any number, with whether each is a main one.
    pub names: Vec<(u32, bool)>,
}

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// One packet in this many is sampled.
    pub sampling: NonZeroU32,
    /// Hours in all; whole days.
    pub hours: u32,
    /// Whether somebody uses every device in every hour.
    pub used: bool,
    /// How many testbeds are averaged.
    pub testbeds: u32,
    /// Everything follows from it.
    pub seed: u64,
}

/// What a provider sees of a testbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Visibility {
    /// Service addresses contacted in an hour, a testbed.
    pub servers: f64,
    /// Share of these that is seen in the hour.
    pub hour: f64,
    /// Share of the servers contacted in all hours that is seen in any.
    pub period: f64,
    /// Share of devices of which anything is seen in an hour.
    pub devices: f64,
    /// Share seen in an hour of the tenth, the fifth and three tenths of the
    /// servers with the most packets.
    pub heaviest: [f64; 3],
    /// Share seen in a day of the fifth of the servers with the most packets.
    pub heaviest_of_day: f64,
}

/// A share being counted.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    of: f64,
    seen: f64,
}

impl Share {
    fn count(&mut self, seen: bool) {
        self.of += 1.0;
        self.seen += f64::from(u8::from(seen));
    }

    fn get(self) -> f64 {
        if self.of > 0.0 { self.seen / self.of } else { 0.0 }
    }
}

/// What a device has to do with a name.
struct Contact {
    habit: Habit,
    /// All addresses of the name at the device's site, by their place.
    addresses: Range<usize>,
    /// The one that the device stays on.
    own: usize,
}

/// One address in an hour, a day or the whole time.
#[derive(Clone, Copy, Debug, Default)]
struct Server {
    packets: f64,
    contacted: bool,
    seen: bool,
}

impl Server {
    fn add(&mut self, hour: Self) {
        self.packets += hour.packets;
        self.contacted |= hour.contacted;
        self.seen |= hour.seen;
    }
}

/// Draws testbeds and says what is visible of them; `devices` are those of the
/// testbed of a seed.
pub fn visibility(devices: impl Fn(u64) -> Vec<Equipment>, visit: &Visit) -> Visibility {
    let (mut hour, mut period, mut seen_devices) =
        (Share::default(), Share::default(), Share::default());
    let (mut heaviest, mut heaviest_of_day) = ([Share::default(); 3], Share::default());
    for testbed in 0..u64::from(visit.testbeds) {
        let seed = visit.seed.wrapping_add(testbed);
        let (devices, addresses) = contacts(&devices(seed), seed);
        let (mut all, mut today) =
            (vec![Server::default(); addresses], vec![Server::default(); addresses]);
        for number in 0..visit.hours {
            let mut draw = Draw::new(seed, Purpose::Traffic, 0, u64::from(number));
            let mut now = vec![Server::default(); addresses];
            for contacts in &devices {
                let mut seen = false;
                for contact in contacts {
                    seen |= contact.hour(&mut draw, visit, &mut now);
                }
                seen_devices.count(seen);
            }
            for (place, server) in now.iter().enumerate() {
                all[place].add(*server);
                today[place].add(*server);
                if server.contacted {
                    hour.count(server.seen);
                }
            }
            for (share, tenths) in heaviest.iter_mut().zip(1..) {
                top(&now, tenths, share);
            }
            if number % 24 == 23 {
                top(&today, 2, &mut heaviest_of_day);
                today.fill(Server::default());
            }
        }
        all.iter().filter(|server| server.contacted).for_each(|server| period.count(server.seen));
    }
    Visibility {
        servers: hour.of / f64::from(visit.hours) / f64::from(visit.testbeds),
        hour: hour.get(),
        period: period.get(),
        devices: seen_devices.get(),
        heaviest: heaviest.map(Share::get),
        heaviest_of_day: heaviest_of_day.get(),
    }
}

/// Draws the habits of devices, and says how many addresses there are.
fn contacts(devices: &[Equipment], seed: u64) -> (Vec<Vec<Contact>>, usize) {
    let mut draw = Draw::new(seed, Purpose::Population, 0, 0);
    let mut known: HashMap<(u32, u32), Range<usize>> = HashMap::new();
    let mut number = 0;
    let mut device = |equipment: &Equipment| {
        let manner = Manner::new(&mut draw);
        let mut contacts = Vec::with_capacity(equipment.names.len());
        for (name, is_main) in &equipment.names {
            let addresses = known.entry((*name, equipment.site)).or_insert_with(|| {
                let from = number;
                number += draw.between(1, MOST_ADDRESSES) as usize;
                from..number
            });
            let addresses = addresses.clone();
            let own = addresses.start + draw.index(addresses.len());
            let habit = manner.habit(&mut draw, *is_main, None);
            contacts.push(Contact { habit, addresses, own });
        }
        contacts
    };
    let devices = devices.iter().map(&mut device).collect();
    (devices, number)
}

impl Contact {
    /// Draws what goes to which address in an hour; says whether anything of it
    /// is seen.
    fn hour(&self, draw: &mut Draw, visit: &Visit, now: &mut [Server]) -> bool {
        let Some(exchange) = self.habit.exchange(draw, visit.used) else { return false };
        let short = exchange.short_contacts(draw, visit.used);
        let lasting = exchange.packets - f64::from(short) * SLIGHT_PACKETS;
        // Nobody needs the number of packets at home, only whether there is one.
        let contacted = lasting > 8.0 || draw.poisson(lasting) > 0;
        let mut seen = contacted && Self::talk(draw, visit, self.own, lasting, now);
        for _ in 0..short {
            let address = self.addresses.start + draw.index(self.addresses.len());
            seen |= Self::talk(draw, visit, address, SLIGHT_PACKETS, now);
        }
        seen
    }

    fn talk(
        draw: &mut Draw,
        visit: &Visit,
        address: usize,
        packets: f64,
        now: &mut [Server],
    ) -> bool {
        let seen = draw.poisson(packets / f64::from(visit.sampling.get())) > 0;
        now[address].add(Server { packets, contacted: true, seen });
        seen
    }
}

/// Counts the given tenths of the contacted servers with the most packets.
fn top(servers: &[Server], tenths: usize, share: &mut Share) {
    let mut contacted: Vec<&Server> = servers.iter().filter(|server| server.contacted).collect();
    contacted.sort_by(|one, two| two.packets.total_cmp(&one.packets));
    let most = contacted.len() * tenths / 10;
    contacted.iter().take(most).for_each(|server| share.count(server.seen));
}
