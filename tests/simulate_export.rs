//! What the simulated routers write, the decoder reads: the same flows, with
//! their sampling rates, nothing lost, nothing left over.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;

use hayrake::decode::{Datagram, DecodeCounts, DecodeSettings, Decoded, Decoder};
use hayrake::model::flow::{FlowDirection, FlowRecord, TCP, UDP};
use hayrake::model::sampling::{Sampling, SamplingSource};
use hayrake::model::time::Timestamp;
use hayrake::signature::shipped;
use hayrake::simulate::export::{Format, Router};
use hayrake::simulate::{Isp, OTHER_PACKETS, Settings};
use proptest::prelude::*;

const FORMATS: [Format; 6] = [
    Format::Netflow5,
    Format::Netflow9Sampler,
    Format::Netflow9System,
    Format::IpfixInterval,
    Format::IpfixRandom,
    Format::Sflow,
];

const ROUTER: [u8; 4] = [192, 0, 2, 1];

fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(1_767_571_200 + second)
}

/// What a flow is after it went through `format` and left at `sent`.
fn carried(flow: &FlowRecord, format: Format, rate: u32, sent: Timestamp) -> FlowRecord {
    let source = match format {
        Format::Netflow5 | Format::Sflow => SamplingSource::Header,
        _ => SamplingSource::Options,
    };
    let mut flow = FlowRecord { sampling: Sampling::new(rate, source), ..*flow };
    match format {
        // These templates tell no direction.
        Format::Netflow5 | Format::IpfixInterval | Format::IpfixRandom => {
            flow.direction = FlowDirection::Unknown;
        }
        // A sample is one packet, as old as its datagram.
        Format::Sflow => {
            flow.direction = FlowDirection::Unknown;
            flow.packets = 1;
            (flow.start, flow.end) = (sent, sent);
        }
        Format::Netflow9Sampler | Format::Netflow9System => {}
    }
    flow
}

fn flow() -> impl Strategy<Value = FlowRecord> {
    let addresses = prop_oneof![
        (1..u32::MAX, 1..u32::MAX).prop_map(|(a, b)| (IpAddr::V4(a.into()), IpAddr::V4(b.into()))),
        // Outside ::ffff:0:0/96, which stands for IPv4.
        (1..u128::MAX, 1..u128::MAX).prop_map(|(a, b)| {
            let v6 = |bits: u128| IpAddr::V6((bits | 0x2000 << 112).into());
            (v6(a), v6(b))
        }),
    ];
    let transport = (prop_oneof![Just(TCP), Just(UDP)], 1..u16::MAX, 1..u16::MAX, 0..0x40_u16);
    (addresses, transport, 1..1_000_u64, 64..1_500_u64, 0..30_u64, 0..29_000_u64).prop_map(
        |((source, destination), (protocol, from, to, flags), packets, size, age, length)| {
            let end = at(60).minus(std::time::Duration::from_secs(age));
            FlowRecord {
                source,
                destination,
                source_port: from,
                destination_port: to,
                protocol,
                tcp_flags: if protocol == TCP { flags } else { 0 },
                packets,
                bytes: size,
                start: end.minus(std::time::Duration::from_millis(length)),
                end,
                direction: FlowDirection::Ingress,
                ..FlowRecord::EMPTY
            }
        },
    )
}

fn decode(decoder: &mut Decoder, sent: Timestamp, payload: &[u8]) -> Decoded {
    let mut out = Decoded::default();
    let datagram = Datagram { source: ROUTER.into(), source_port: 50_000, received: sent, payload };
    decoder.decode(datagram, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flows_come_back_as_they_went(
        flows in prop::collection::vec(flow(), 1..13),
        rate in 1..16_000_u32,
        up in prop_oneof![60..100_000_u64, 4_294_900..4_295_000_u64],
    ) {
        for format in FORMATS {
            let mut flows: Vec<FlowRecord> = flows.iter().copied()
                .filter(|flow| format.carries_v6() || flow.source.is_ipv4())
                .take(format.flows_a_datagram())
                .collect();
            let boot = at(60).minus(std::time::Duration::from_secs(up));
            // An uptime of 0 is how routers say that they do not know a time, so
            // what began when the uptime wrapped cannot come back.
            let wrapped = boot.as_millis() + (1 << 32);
            let unsayable = |flow: &FlowRecord| [flow.start, flow.end].iter()
                .any(|time| time.as_millis() == wrapped || *time == boot);
            flows.retain(|flow| !unsayable(flow));
            let mut router = Router::new(format, ROUTER.into(), 7, rate.try_into().unwrap(), boot);
            let mut decoder = Decoder::new(DecodeSettings::default());
            // The second datagram has no templates and an advanced sequence.
            for second in [61, 62] {
                let mut payload = Vec::new();
                router.export(at(second), &flows, &mut payload);
                let decoded = decode(&mut decoder, at(second), &payload);
                prop_assert!(decoded.problems.is_empty(), "{format:?}: {:?}", decoded.problems);
                // Templated formats write IPv4 before IPv6.
                flows.sort_by_key(|flow| format.has_flow_cache() && flow.source.is_ipv6());
                let expected: Vec<FlowRecord> = flows
                    .iter()
                    .map(|flow| carried(flow, format, rate, at(second)))
                    .collect();
                prop_assert_eq!(&decoded.flows, &expected, "{:?}", format);
                let DecodeCounts { lost_packets, lost_records, lost_flows, lost_datagrams, .. } =
                    decoded.counts;
                prop_assert_eq!((lost_packets, lost_records, lost_flows, lost_datagrams), (0, 0, 0, 0));
            }
        }
    }
}

/// Two hours of an ISP: nothing is lost, refused or unknown, and every router
/// tells its rate.
#[test]
fn a_whole_isp_decodes_without_a_problem() {
    let settings = Settings {
        lines: 2_000,
        hours: 4,
        sampling: 200.try_into().unwrap(),
        seed: 1,
        start: at(0),
        other_packets: OTHER_PACKETS,
    };
    let mut isp = Isp::new(&shipped().unwrap(), settings).unwrap();
    let mut decoder = Decoder::new(DecodeSettings::default());
    let mut out = Decoded::default();
    let mut sums = DecodeCounts::default();
    let mut packets: HashMap<bool, u64> = HashMap::new();
    let mut latest = 0;
    while isp
        .next_hour(|sent| {
            let datagram = Datagram {
                source: sent.source,
                source_port: sent.source_port,
                received: sent.at,
                payload: sent.payload,
            };
            decoder.decode(datagram, &mut out);
            assert!(out.problems.is_empty(), "{:?}", out.problems);
            for flow in &out.flows {
                assert_eq!(flow.sampling.rate(), Some(settings.sampling));
                assert!(flow.start <= flow.end && flow.end <= sent.at);
                latest = latest.max(sent.at.since(flow.end).as_secs());
                *packets.entry(flow.source.is_ipv6()).or_default() += flow.packets;
            }
            sums += out.counts;
            Ok::<(), Infallible>(())
        })
        .unwrap()
    {}
    assert!(latest <= 61, "a flow is reported within the active timeout: {latest} s");
    assert!(packets[&false] > 1_000 && packets[&true] > 1_000, "{packets:?}");
    assert_eq!(sums.datagrams_received, sums.datagrams_decoded);
    assert_eq!(sums.records_received, sums.records_decoded);
    let zero = [
        sums.lost_packets,
        sums.lost_records,
        sums.lost_flows,
        sums.lost_datagrams,
        sums.restarts,
        sums.unknown_sampling,
        sums.implausible_time,
        sums.skewed_records,
        sums.implausible_counters,
        sums.templates_redefined,
    ];
    assert_eq!(zero, [0; 10], "{sums:?}");
    assert_eq!(decoder.exporters().len(), 6);
    for exporter in decoder.exporters() {
        assert!(exporter.advice.is_empty(), "{:?}", exporter.advice);
    }
}
