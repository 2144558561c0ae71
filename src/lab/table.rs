//! What devices did as tables for people.

use std::fmt;

use super::traffic::{Captured, DeviceTraffic, Evidence, Mode};

/// Names of a list that are printed; the rest is counted.
const MOST_PRINTED: usize = 4;

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, device) in self.devices.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            write!(f, "{device}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DeviceTraffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = [&self.maker, &self.product].map(String::as_str);
        let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
        let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) };
        writeln!(f, "{}{said}", self.device)?;
        for capture in &self.captures {
            writeln!(
                f,
                "  {} from {}, {:.2} h {}: {} packets, {} of them inside the home, {} damaged",
                capture.name,
                capture.start,
                capture.seconds / 3_600.0,
                capture.mode,
                capture.packets,
                capture.local,
                capture.damaged
            )?;
        }
        let width = self.contacts.iter().map(|contact| contact.domain.len()).max().unwrap_or(0);
        let width = width.clamp(6, 60);
        writeln!(
            f,
            "  {:width$} {:>9} {:>10} {:>10}  {:18} {:22} ADDRESSES",
            "DOMAIN", "PACKETS", "IDLE/h", "ACTIVE/h", "LEARNT BY", "PORTS"
        )?;
        for contact in &self.contacts {
            let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"));
            writeln!(
                f,
                "  {:width$} {:>9} {:>10} {:>10}  {:18} {:22} {}",
                contact.domain,
                contact.packets,
                rate(contact.hours.idle),
                rate(contact.hours.active),
                if contact.is_named() { list(&contact.learnt_by) } else { "no name".to_owned() },
                list(&contact.ports),
                list(&contact.addresses)
            )?;
            if !contact.aliases.is_empty() {
                writeln!(f, "  {:width$} alias of {}", "", list(&contact.aliases))?;
            }
        }
        Ok(())
    }
}

fn list(items: &[impl fmt::Display]) -> String {
    let shown = items.iter().take(MOST_PRINTED).map(ToString::to_string);
    let mut shown = shown.collect::<Vec<_>>().join(" ");
    if items.len() > MOST_PRINTED {
        shown.push_str(&format!(" and {} more", items.len() - MOST_PRINTED));
    }
    shown
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::TlsSni => "tls_sni",
            Self::QuicSni => "quic_sni",
            Self::HttpHost => "http_host",
        })
    }
}
