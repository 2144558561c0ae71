//! The information elements that decoding reads, and names for reports.
//!
//! Numbers are those of the IANA IPFIX registry, which NetFlow v9 (RFC 3954
//! §8) shares up to 127. Everything with an enterprise number, biflow reverse
//! fields (RFC 5103, enterprise 29305) among them, is stepped over: the record
//! shape holds one direction.

/// How a flow time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeEncoding {
    /// The template has no such field.
    #[default]
    Absent,
    /// Milliseconds since the exporter started (21, 22); in eight bytes some
    /// exporters write milliseconds since 1970 instead.
    Uptime,
    /// Seconds since 1970 (150, 151).
    Seconds,
    /// Milliseconds since 1970 (152, 153).
    Millis,
    /// NTP timestamp, or microseconds since 1970 (154, 155).
    Micros,
    /// NTP timestamp, or nanoseconds since 1970 (156, 157).
    Nanos,
    /// Microseconds before the export time (158, 159).
    DeltaMicros,
}

/// What a numeric field tells about sampling (options records and records).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SamplingField {
    /// 34 samplingInterval.
    Interval,
    /// 50 samplerRandomInterval.
    RandomInterval,
    /// 304 selectorAlgorithm.
    Algorithm,
    /// 305 samplingPacketInterval.
    PacketInterval,
    /// 306 samplingPacketSpace.
    PacketSpace,
    /// 309 samplingSize.
    Size,
    /// 310 samplingPopulation.
    Population,
    /// 311 samplingProbability, a floating-point number.
    Probability,
}

/// What a field means to us. Where a template holds several fields with one
/// meaning, the lowest rank is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// IPv4 source address.
    Source4,
    /// IPv4 destination address.
    Destination4,
    /// IPv6 source address.
    Source6,
    /// IPv6 destination address.
    Destination6,
    /// Source port.
    SourcePort(u8),
    /// Destination port.
    DestinationPort(u8),
    /// IANA protocol number.
    Protocol,
    /// TCP control bits.
    TcpFlags,
    /// Packets: rank, and whether it is a total over the flow's life.
    Packets(u8, bool),
    /// Bytes: rank, and whether it is a total over the flow's life.
    Bytes(u8, bool),
    /// Ingress or egress.
    Direction,
    /// Start of the flow: rank and encoding.
    Start(u8, TimeEncoding),
    /// End of the flow: rank and encoding.
    End(u8, TimeEncoding),
    /// When the exporter started, milliseconds since 1970 (160).
    SystemInit,
    /// Sampler (48) or selector (302) that the record refers to or describes.
    SamplerId,
    /// Something about sampling.
    Sampling(SamplingField),
}

/// What the field `id` without enterprise number means, if we read it.
pub(crate) fn meaning(id: u16) -> Option<Meaning> {
    use Meaning::{
        Bytes, Destination4, Destination6, DestinationPort, Direction, End, Packets, Protocol,
        SamplerId, Sampling, Source4, Source6, SourcePort, Start, SystemInit, TcpFlags,
    };
    use TimeEncoding::{DeltaMicros, Micros, Millis, Nanos, Seconds, Uptime};
    Some(match id {
        8 => Source4,
        12 => Destination4,
        27 => Source6,
        28 => Destination6,
        7 => SourcePort(0),
        11 => DestinationPort(0),
        // Ports of one transport only, as some probes send them.
        180 => SourcePort(1),
        181 => DestinationPort(1),
        182 => SourcePort(2),
        183 => DestinationPort(2),
        4 => Protocol,
        6 => TcpFlags,
        // The first counter that the template holds is read; adding the
        // counters of both directions would count one flow twice.
        2 => Packets(0, false),
        298 => Packets(1, false),
        24 => Packets(2, false),
        86 => Packets(3, true),
        174 => Packets(4, true),
        1 => Bytes(0, false),
        231 => Bytes(1, false),
        23 => Bytes(2, false),
        352 => Bytes(3, false),
        85 => Bytes(4, true),
        171 => Bytes(5, true),
        61 => Direction,
        152 => Start(0, Millis),
        154 => Start(1, Micros),
        156 => Start(2, Nanos),
        150 => Start(3, Seconds),
        22 => Start(4, Uptime),
        158 => Start(5, DeltaMicros),
        153 => End(0, Millis),
        155 => End(1, Micros),
        157 => End(2, Nanos),
        151 => End(3, Seconds),
        21 => End(4, Uptime),
        159 => End(5, DeltaMicros),
        // The time of an event or a packet stands for its end.
        323 => End(6, Millis),
        324 => End(7, Micros),
        325 => End(8, Nanos),
        322 => End(9, Seconds),
        160 => SystemInit,
        48 | 302 => SamplerId,
        34 => Sampling(SamplingField::Interval),
        50 => Sampling(SamplingField::RandomInterval),
        304 => Sampling(SamplingField::Algorithm),
        305 => Sampling(SamplingField::PacketInterval),
        306 => Sampling(SamplingField::PacketSpace),
        309 => Sampling(SamplingField::Size),
        310 => Sampling(SamplingField::Population),
        311 => Sampling(SamplingField::Probability),
        _ => return None,
    })
}

/// The registry's name of a field without enterprise number; empty when it is
/// not among those that exporters commonly send.
pub(crate) fn name(id: u16) -> &'static str {
    match id {
        1 => "octetDeltaCount",
        2 => "packetDeltaCount",
        4 => "protocolIdentifier",
        5 => "ipClassOfService",
        6 => "tcpControlBits",
        7 => "sourceTransportPort",
        8 => "sourceIPv4Address",
        9 => "sourceIPv4PrefixLength",
        10 => "ingressInterface",
        11 => "destinationTransportPort",
        12 => "destinationIPv4Address",
        13 => "destinationIPv4PrefixLength",
        14 => "egressInterface",
        15 => "ipNextHopIPv4Address",
        16 => "bgpSourceAsNumber",
        17 => "bgpDestinationAsNumber",
        18 => "bgpNextHopIPv4Address",
        21 => "flowEndSysUpTime",
        22 => "flowStartSysUpTime",
        23 => "postOctetDeltaCount",
        24 => "postPacketDeltaCount",
        27 => "sourceIPv6Address",
        28 => "destinationIPv6Address",
        29 => "sourceIPv6PrefixLength",
        30 => "destinationIPv6PrefixLength",
        31 => "flowLabelIPv6",
        32 => "icmpTypeCodeIPv4",
        34 => "samplingInterval",
        35 => "samplingAlgorithm",
        36 => "flowActiveTimeout",
        37 => "flowIdleTimeout",
        38 => "engineType",
        39 => "engineId",
        40 => "exportedOctetTotalCount",
        41 => "exportedMessageTotalCount",
        42 => "exportedFlowRecordTotalCount",
        48 => "samplerId",
        49 => "samplerMode",
        50 => "samplerRandomInterval",
        52 => "minimumTTL",
        53 => "maximumTTL",
        54 => "fragmentIdentification",
        55 => "postIpClassOfService",
        56 => "sourceMacAddress",
        57 => "postDestinationMacAddress",
        58 => "vlanId",
        59 => "postVlanId",
        60 => "ipVersion",
        61 => "flowDirection",
        62 => "ipNextHopIPv6Address",
        63 => "bgpNextHopIPv6Address",
        70 => "mplsTopLabelStackSection",
        80 => "destinationMacAddress",
        81 => "postSourceMacAddress",
        82 => "interfaceName",
        83 => "interfaceDescription",
        84 => "samplerName",
        85 => "octetTotalCount",
        86 => "packetTotalCount",
        88 => "fragmentOffset",
        89 => "forwardingStatus",
        95 => "applicationId",
        96 => "applicationName",
        130 => "exporterIPv4Address",
        131 => "exporterIPv6Address",
        136 => "flowEndReason",
        138 => "observationPointId",
        139 => "icmpTypeCodeIPv6",
        141 => "lineCardId",
        142 => "portId",
        143 => "meteringProcessId",
        144 => "exportingProcessId",
        145 => "templateId",
        148 => "flowId",
        149 => "observationDomainId",
        150 => "flowStartSeconds",
        151 => "flowEndSeconds",
        152 => "flowStartMilliseconds",
        153 => "flowEndMilliseconds",
        154 => "flowStartMicroseconds",
        155 => "flowEndMicroseconds",
        156 => "flowStartNanoseconds",
        157 => "flowEndNanoseconds",
        158 => "flowStartDeltaMicroseconds",
        159 => "flowEndDeltaMicroseconds",
        160 => "systemInitTimeMilliseconds",
        161 => "flowDurationMilliseconds",
        171 => "postOctetTotalCount",
        174 => "postPacketTotalCount",
        176 => "icmpTypeIPv4",
        177 => "icmpCodeIPv4",
        180 => "udpSourcePort",
        181 => "udpDestinationPort",
        182 => "tcpSourcePort",
        183 => "tcpDestinationPort",
        210 => "paddingOctets",
        225 => "postNATSourceIPv4Address",
        226 => "postNATDestinationIPv4Address",
        227 => "postNAPTSourceTransportPort",
        228 => "postNAPTDestinationTransportPort",
        229 => "natOriginatingAddressRealm",
        230 => "natEvent",
        231 => "initiatorOctets",
        232 => "responderOctets",
        233 => "firewallEvent",
        234 => "ingressVRFID",
        235 => "egressVRFID",
        236 => "VRFname",
        239 => "biflowDirection",
        243 => "dot1qVlanId",
        252 => "ingressPhysicalInterface",
        256 => "ethernetType",
        298 => "initiatorPackets",
        299 => "responderPackets",
        302 => "selectorId",
        304 => "selectorAlgorithm",
        305 => "samplingPacketInterval",
        306 => "samplingPacketSpace",
        309 => "samplingSize",
        310 => "samplingPopulation",
        311 => "samplingProbability",
        313 => "ipHeaderPacketSection",
        315 => "dataLinkFrameSection",
        322 => "observationTimeSeconds",
        323 => "observationTimeMilliseconds",
        324 => "observationTimeMicroseconds",
        325 => "observationTimeNanoseconds",
        352 => "layer2OctetDeltaCount",
        _ => "",
    }
}

/// The name of a v9 scope (RFC 3954 §6.1).
pub(crate) fn v9_scope_name(id: u16) -> &'static str {
    match id {
        1 => "System",
        2 => "Interface",
        3 => "Line Card",
        4 => "Cache",
        5 => "Template",
        _ => "",
    }
}
