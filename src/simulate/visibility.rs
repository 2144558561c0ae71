//! What sampling leaves visible of devices: the figures of the paper's §3 for
//! the traffic model, so that its parameters rest on something.
//!
//! A testbed of devices is drawn with the habits that the simulated ISP's
//! devices have, and each hour of it once as its own network sees it and once
//! as its provider's sampled exports do. A server is one contact of one device,
//! as in a testbed whose devices mostly have servers of their own.

use std::num::NonZeroU32;

use super::draw::{Draw, Purpose};
use super::rates::{Habit, Manner};

/// What devices of a testbed contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contacts {
    /// Main servers.
    pub main: u32,
    /// Others.
    pub other: u32,
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
    /// Servers contacted in an hour, a testbed.
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

/// One server in an hour, a day or the whole time.
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

/// Draws testbeds of `devices` and says what is visible of them.
pub fn visibility(devices: &[Contacts], visit: &Visit) -> Visibility {
    let (mut hour, mut period, mut seen_devices) =
        (Share::default(), Share::default(), Share::default());
    let (mut heaviest, mut heaviest_of_day) = ([Share::default(); 3], Share::default());
    for testbed in 0..visit.testbeds {
        let mut draw = Draw::new(visit.seed, Purpose::Population, u64::from(testbed), 0);
        let habits: Vec<Vec<Habit>> =
            devices.iter().map(|contacts| habits(&mut draw, *contacts)).collect();
        let servers = habits.iter().map(Vec::len).sum();
        let (mut all, mut today) =
            (vec![Server::default(); servers], vec![Server::default(); servers]);
        for number in 0..visit.hours {
            let mut draw =
                Draw::new(visit.seed, Purpose::Traffic, u64::from(testbed), u64::from(number));
            let mut now = Vec::with_capacity(servers);
            for habits in &habits {
                let before = now.len();
                now.extend(habits.iter().map(|habit| server(&mut draw, habit, visit)));
                seen_devices.count(now[before..].iter().any(|server| server.seen));
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

fn habits(draw: &mut Draw, contacts: Contacts) -> Vec<Habit> {
    let manner = Manner::new(draw);
    (0..contacts.main + contacts.other)
        .map(|place| manner.habit(draw, place < contacts.main, None))
        .collect()
}

fn server(draw: &mut Draw, habit: &Habit, visit: &Visit) -> Server {
    let Some(exchange) = habit.exchange(draw, visit.used) else { return Server::default() };
    // Nobody needs the number of packets at home, only whether there is one.
    let contacted =
        exchange.at_once || exchange.packets > 8.0 || draw.poisson(exchange.packets) > 0;
    let seen = contacted && draw.poisson(exchange.packets / f64::from(visit.sampling.get())) > 0;
    Server { packets: exchange.packets, contacted, seen }
}

/// Counts the given tenths of the contacted servers with the most packets.
fn top(servers: &[Server], tenths: usize, share: &mut Share) {
    let mut contacted: Vec<&Server> = servers.iter().filter(|server| server.contacted).collect();
    contacted.sort_by(|one, two| two.packets.total_cmp(&one.packets));
    let most = contacted.len() * tenths / 10;
    contacted.iter().take(most).for_each(|server| share.count(server.seen));
}
