//! Names below which strangers get names: what they say of their addresses.
//!
//! Most platforms put all their tenants behind the same front addresses, as
//! range lists say of delivery networks. Where the addresses are in no list,
//! the name tells: what leads to an address through such a name is shared by
//! design, even while only one tenant was seen there. Whose a name is the
//! Public Suffix List says (its private section); it says nothing of addresses,
//! and lacks platforms that set no cookies.
//!
//! Taken from the platforms' own documentation of how traffic reaches a tenant.
//! Left out are names that only direct (Azure Traffic Manager, Akamai's
//! `akadns.net`), since the names behind them decide, and services that give a
//! tenant an address alone (Elastic Load Balancing and Beanstalk, Azure API
//! Management but for one of its tiers, Heroku's private spaces).

use super::domain::DomainName;

/// What a platform does for the names below a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    /// Serves many tenants from one address.
    Shared,
    /// Gives a tenant an address alone.
    Alone,
    /// Calls the address itself so, whoever holds it.
    Machine,
}

use Front::{Alone, Machine, Shared};

/// Suffixes with the platform. `*` stands for one label, such as a region, or for
/// the rest of one. The longest suffix of a name counts.
const SUFFIXES: &[(&str, &str, Front)] = &[
    // Services that Amazon runs for all its customers, beside names of devices of
    // its own below the same suffix, which say nothing here.
    ("appsync-api.*.amazonaws.com", "Amazon Web Services", Shared),
    ("cognito-identity.*.amazonaws.com", "Amazon Web Services", Shared),
    ("cognito-idp.*.amazonaws.com", "Amazon Web Services", Shared),
    ("dynamodb.*.amazonaws.com", "Amazon Web Services", Shared),
    ("execute-api.*.amazonaws.com", "Amazon Web Services", Shared),
    ("firehose.*.amazonaws.com", "Amazon Web Services", Shared),
    ("iot.*.amazonaws.com", "Amazon Web Services", Shared),
    ("kinesis.*.amazonaws.com", "Amazon Web Services", Shared),
    ("kinesisvideo.*.amazonaws.com", "Amazon Web Services", Shared),
    ("lambda.*.amazonaws.com", "Amazon Web Services", Shared),
    ("logs.*.amazonaws.com", "Amazon Web Services", Shared),
    ("mobileanalytics.*.amazonaws.com", "Amazon Web Services", Shared),
    ("monitoring.*.amazonaws.com", "Amazon Web Services", Shared),
    ("pinpoint.*.amazonaws.com", "Amazon Web Services", Shared),
    ("polly.*.amazonaws.com", "Amazon Web Services", Shared),
    ("sns.*.amazonaws.com", "Amazon Web Services", Shared),
    ("sqs.*.amazonaws.com", "Amazon Web Services", Shared),
    ("sts.*.amazonaws.com", "Amazon Web Services", Shared),
    ("execute-api.*.amazonaws.com.cn", "Amazon Web Services", Shared),
    ("iot.*.amazonaws.com.cn", "Amazon Web Services", Shared),
    ("s3.amazonaws.com", "Amazon S3", Shared),
    ("s3-*.*.amazonaws.com", "Amazon S3", Shared),
    ("s3-*.amazonaws.com", "Amazon S3", Shared),
    ("s3.*.amazonaws.com", "Amazon S3", Shared),
    ("s3.*.amazonaws.com.cn", "Amazon S3", Shared),
    ("s3.dualstack.*.amazonaws.com", "Amazon S3", Shared),
    ("compute.amazonaws.com", "Amazon EC2", Machine),
    ("compute.amazonaws.com.cn", "Amazon EC2", Machine),
    ("compute-1.amazonaws.com", "Amazon EC2", Machine),
    ("awsapprunner.com", "AWS App Runner", Shared),
    ("amplifyapp.com", "AWS Amplify", Shared),
    ("cloudfront.net", "Amazon CloudFront", Shared),
    ("on.aws", "AWS Lambda", Shared),
    // Azure: gateways of the service stand before all hubs and sites.
    ("azure-devices.net", "Azure IoT Hub", Shared),
    ("azure-devices-provisioning.net", "Azure IoT Hub", Shared),
    ("azureiotcentral.com", "Azure IoT Central", Shared),
    ("azurewebsites.net", "Azure App Service", Shared),
    ("azurewebsites.windows.net", "Azure App Service", Shared),
    ("p.azurewebsites.net", "Azure App Service Environment", Alone),
    ("azurestaticapps.net", "Azure Static Web Apps", Shared),
    ("azureedge.net", "Azure CDN", Shared),
    ("azurefd.net", "Azure Front Door", Shared),
    ("msecnd.net", "Azure CDN", Shared),
    ("core.windows.net", "Azure Storage", Shared),
    ("servicebus.windows.net", "Azure Service Bus", Shared),
    // Google's front ends.
    ("appspot.com", "Google App Engine", Shared),
    ("ghs.googlehosted.com", "Google App Engine", Shared),
    ("cloudfunctions.net", "Google Cloud Functions", Shared),
    ("run.app", "Google Cloud Run", Shared),
    ("storage.googleapis.com", "Google Cloud Storage", Shared),
    ("firebaseapp.com", "Firebase", Shared),
    ("firebasedatabase.app", "Firebase", Shared),
    ("firebaseio.com", "Firebase", Shared),
    ("web.app", "Firebase", Shared),
    ("apigee.net", "Apigee", Shared),
    ("bc.googleusercontent.com", "Google Compute Engine", Machine),
    // Alibaba and Tencent: brokers for devices, and stores.
    ("iot-as-mqtt.*.aliyuncs.com", "Alibaba IoT Platform", Shared),
    ("iotcloud.tencentdevices.com", "Tencent IoT Hub", Shared),
    ("myqcloud.com", "Tencent Cloud Object Storage", Shared),
    // Applications and sites.
    ("fly.dev", "Fly.io", Shared),
    ("github.io", "GitHub Pages", Shared),
    ("herokuapp.com", "Heroku", Shared),
    ("herokudns.com", "Heroku", Shared),
    ("netlify.app", "Netlify", Shared),
    ("netlify.com", "Netlify", Shared),
    ("netlifyglobalcdn.com", "Netlify", Shared),
    ("now.sh", "Vercel", Shared),
    ("ondigitalocean.app", "DigitalOcean App Platform", Shared),
    ("digitaloceanspaces.com", "DigitalOcean Spaces", Shared),
    ("onrender.com", "Render", Shared),
    ("pages.dev", "Cloudflare Pages", Shared),
    ("vercel-dns.com", "Vercel", Shared),
    ("vercel.app", "Vercel", Shared),
    ("workers.dev", "Cloudflare Workers", Shared),
    // Delivery networks.
    ("akamai.net", "Akamai", Shared),
    ("akamaiedge.net", "Akamai", Shared),
    ("akamaihd.net", "Akamai", Shared),
    ("akamaized.net", "Akamai", Shared),
    ("edgekey.net", "Akamai", Shared),
    ("edgesuite.net", "Akamai", Shared),
    ("b-cdn.net", "bunny.net", Shared),
    ("cdn77.org", "CDN77", Shared),
    ("cloudflare.net", "Cloudflare", Shared),
    ("edgecastcdn.net", "Edgecast", Shared),
    ("fastly.net", "Fastly", Shared),
    ("fastlylb.net", "Fastly", Shared),
    ("llnwd.net", "Limelight", Shared),
    ("rackcdn.com", "Rackspace Cloud Files", Shared),
    // Volunteers' machines, which do whatever else they do.
    ("pool.ntp.org", "the NTP pool", Shared),
];

/// A suffix that `domain` is or is above of, the nearest one: all names below
/// `domain` are then those of all tenants.
pub fn all_tenants(domain: &DomainName) -> Option<&'static str> {
    let labels = domain.as_str().split('.').count();
    let count = |suffix: &str| suffix.split('.').count();
    let is = |suffix: &&str| {
        let wanted = suffix.rsplit('.').take(labels);
        wanted.zip(domain.as_str().rsplit('.')).all(|(wanted, has)| fits(wanted, has))
    };
    let above =
        SUFFIXES.iter().map(|(suffix, ..)| *suffix).filter(|suffix| count(suffix) >= labels);
    above.filter(is).min_by_key(|suffix| count(suffix))
}

/// The platform that serves many from the addresses that `name` leads to.
pub fn shared_by_design(name: &DomainName) -> Option<&'static str> {
    closest(name).filter(|(_, front)| *front == Shared).map(|(platform, _)| platform)
}

/// Whether `name` is what a platform calls one of its addresses. It says
/// nothing of who holds the address.
pub fn is_machine(name: &DomainName) -> bool {
    closest(name).is_some_and(|(_, front)| front == Machine)
}

fn closest(name: &DomainName) -> Option<(&'static str, Front)> {
    let fitting = SUFFIXES.iter().filter(|(suffix, ..)| is_below(name.as_str(), suffix));
    fitting
        .max_by_key(|(suffix, ..)| suffix.split('.').count())
        .map(|(_, platform, front)| (*platform, *front))
}

/// Whether `name` is `suffix` or below it.
fn is_below(name: &str, suffix: &str) -> bool {
    let mut labels = name.rsplit('.');
    suffix.rsplit('.').all(|wanted| labels.next().is_some_and(|has| fits(wanted, has)))
}

fn fits(wanted: &str, label: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == label, |begin| label.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_suffix_says_what_a_name_leads_to() {
        let shared = |name: &str| shared_by_design(&name.parse().unwrap());
        for (name, platform) in [
            ("tenant.firebaseio.com", "Firebase"),
            ("a1b2c3-ats.iot.eu-west-1.amazonaws.com", "Amazon Web Services"),
            ("k9.execute-api.us-east-1.amazonaws.com", "Amazon Web Services"),
            ("hub.azure-devices.net", "Azure IoT Hub"),
            ("0.openwrt.pool.ntp.org", "the NTP pool"),
            ("pool.ntp.org", "the NTP pool"),
            ("s3-us-west-2.amazonaws.com", "Amazon S3"),
            ("bucket.s3.eu-west-1.amazonaws.com", "Amazon S3"),
            ("p1.iot-as-mqtt.cn-shanghai.aliyuncs.com", "Alibaba IoT Platform"),
        ] {
            assert_eq!(shared(name), Some(platform), "{name}");
        }
        for name in [
            "front-1.us-east-1.elb.amazonaws.com",
            "front-1.elb.us-east-1.amazonaws.com",
            "ec2-198-51-100-1.compute-1.amazonaws.com",
            "site.p.azurewebsites.net",
            "notfirebaseio.com",
            "www.ntp.org",
            "device-metrics.us-east-1.amazonaws.com",
            "io.com",
            "m1.iotcplatform.com",
            "profile.trafficmanager.net",
        ] {
            assert_eq!(shared(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_at_or_above_a_suffix_has_all_tenants_below_it() {
        let all = |name: &str| all_tenants(&name.parse().unwrap());
        assert_eq!(all("azure-devices.net"), Some("azure-devices.net"));
        assert_eq!(all("iot.us-east-1.amazonaws.com"), Some("iot.*.amazonaws.com"));
        assert_eq!(all("amazonaws.com"), Some("s3.amazonaws.com"));
        assert_eq!(all("hub.azure-devices.net"), None);
        assert_eq!(all("example.com"), None);
    }

    #[test]
    fn what_a_platform_calls_an_address_is_nobodys_name() {
        let machine = |name: &str| is_machine(&name.parse().unwrap());
        assert!(machine("ec2-198-51-100-1.eu-west-1.compute.amazonaws.com"));
        assert!(machine("1.100.51.198.bc.googleusercontent.com"));
        assert!(!machine("front-1.us-east-1.elb.amazonaws.com"));
        assert!(!machine("tenant.firebaseio.com"));
    }
}
