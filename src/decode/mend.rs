//! The lines of router configuration that mend what a report complains of.
//!
//! They are the lines of `docs/routers.md`, where they stand in their place
//! with names and addresses to replace; a test holds every line to that page.

use serde::Serialize;
use utoipa::ToSchema;

/// What to type on one system, and where the whole configuration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RouterLines {
    /// The system, `Cisco IOS-XR`.
    pub system: &'static str,
    /// The lines, in order.
    #[schema(value_type = Vec<String>)]
    pub lines: &'static [&'static str],
    /// Page and anchor in the documentation.
    pub docs: &'static str,
}

const IOS_XE: &str = "routers.md#cisco-ios-xe";
const IOS_XR: &str = "routers.md#cisco-ios-xr";
const JUNOS: &str = "routers.md#juniper-junos";
const SR_OS: &str = "routers.md#nokia-sr-os";
const EOS: &str = "routers.md#arista-eos";
const ROUTER_OS: &str = "routers.md#mikrotik-routeros";
const VRP: &str = "routers.md#huawei-vrp";
const SOFTFLOWD: &str = "routers.md#softflowd";
const CLOCK: &str = "routers.md#when-its-clock-is-off";
const BURSTS: &str = "routers.md#room-for-bursts";
const RENUMBERED: &str = "routers.md#when-several-share-an-address";

const fn on(
    system: &'static str,
    lines: &'static [&'static str],
    docs: &'static str,
) -> RouterLines {
    RouterLines { system, lines, docs }
}

/// Tell the rate: the options record of samplers, or what stands for it.
pub(super) const TELL_SAMPLING: &[RouterLines] = &[
    on("Cisco IOS-XE", &["collect flow sampler", "option sampler-table timeout 60"], IOS_XE),
    on("Cisco IOS-XR", &["options sampler-table timeout 60"], IOS_XR),
    on(
        "Juniper Junos",
        &[
            "set services flow-monitoring version-ipfix template HAYRAKE-V4 option-refresh-rate seconds 60",
            "set forwarding-options sampling instance HAYRAKE input rate 1000",
        ],
        JUNOS,
    ),
    on("Nokia SR OS", &["/configure cflowd sample-profile 1 sample-rate 1000"], SR_OS),
    on("Arista EOS", &["sflow sample 16384", "sflow destination 192.0.2.10 6343"], EOS),
    on(
        "MikroTik RouterOS",
        &["packet-sampling=yes sampling-interval=1 sampling-space=999"],
        ROUTER_OS,
    ),
    on(
        "Huawei VRP",
        &[
            "ip netstream export template option sampler",
            "ip netstream export option sampler timeout-rate 1",
        ],
        VRP,
    ),
    on("softflowd", &["softflowd -i eth1 -v 10 -s 100 -n 192.0.2.10:4739"], SOFTFLOWD),
];

/// Sample by a count of packets, and say the count.
pub(super) const SAMPLE_BY_COUNT: &[RouterLines] = &[
    on("Cisco IOS-XR", &["random 1 out-of 1024", "options sampler-table timeout 60"], IOS_XR),
    on("Huawei VRP", &["ip netstream sampler fix-packets 1000 inbound"], VRP),
    on(
        "MikroTik RouterOS",
        &["packet-sampling=yes sampling-interval=1 sampling-space=999"],
        ROUTER_OS,
    ),
];

/// Send templates every minute.
pub(super) const SEND_TEMPLATES: &[RouterLines] = &[
    on("Cisco IOS-XE", &["template data timeout 60"], IOS_XE),
    on("Cisco IOS-XR", &["template data timeout 60", "template options timeout 60"], IOS_XR),
    on(
        "Juniper Junos",
        &[
            "set services flow-monitoring version-ipfix template HAYRAKE-V4 template-refresh-rate seconds 60",
        ],
        JUNOS,
    ),
    on("Nokia SR OS", &["/configure cflowd template-retransmit 60"], SR_OS),
    on("Arista EOS", &["template interval 60000"], EOS),
    on("MikroTik RouterOS", &["v9-template-refresh=20 v9-template-timeout=1m"], ROUTER_OS),
    on("Huawei VRP", &["ip netstream export template timeout-rate 1"], VRP),
];

/// Send from an address of one's own, the same for ever.
pub(super) const OWN_SOURCE: &[RouterLines] = &[
    on("Cisco IOS-XE", &["source Loopback0"], IOS_XE),
    on("Cisco IOS-XR", &["source Loopback0"], IOS_XR),
    on(
        "Juniper Junos",
        &[
            "set forwarding-options sampling instance HAYRAKE family inet output inline-jflow source-address 192.0.2.1",
        ],
        JUNOS,
    ),
    on("Arista EOS", &["local interface Loopback0", "sflow source-interface Loopback0"], EOS),
    on("MikroTik RouterOS", &["src-address=192.0.2.1"], ROUTER_OS),
    on("Huawei VRP", &["ip netstream export source 192.0.2.1"], VRP),
    on("Docker", &["docker run --network host"], RENUMBERED),
];

/// Set the clock.
pub(super) const SET_CLOCK: &[RouterLines] = &[
    on("Cisco IOS-XE", &["ntp server 192.0.2.20"], CLOCK),
    on("Cisco IOS-XR", &["ntp server 192.0.2.20"], CLOCK),
    on("Juniper Junos", &["set system ntp server 192.0.2.20"], CLOCK),
    on(
        "Nokia SR OS",
        &[
            "/configure system time ntp admin-state enable",
            "/configure system time ntp server 192.0.2.20 router-instance \"Base\"",
        ],
        CLOCK,
    ),
    on("Arista EOS", &["ntp server 192.0.2.20"], CLOCK),
    on("MikroTik RouterOS", &["/system/ntp/client set enabled=yes servers=192.0.2.20"], CLOCK),
    on("Huawei VRP", &["ntp-service unicast-server 192.0.2.20"], CLOCK),
];

/// Room in the collector's socket; on the collector, not on the router.
pub(super) const MORE_ROOM: &[RouterLines] =
    &[on("the collector (Linux)", &["sysctl -w net.core.rmem_max=16777216"], BURSTS)];

/// Every table, for the test that holds it to the page.
pub const ALL: [&[RouterLines]; 6] =
    [TELL_SAMPLING, SAMPLE_BY_COUNT, SEND_TEMPLATES, OWN_SOURCE, SET_CLOCK, MORE_ROOM];
