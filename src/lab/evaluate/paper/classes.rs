//! The paper's 37 rules: the labels of its figure 10 with the level and the
//! number of domain groups of each (§4.3, §5). Where the figure says "5+" it is
//! five; ZModo and Roku have the numbers of the text.
//!
//! The domains themselves are not needed: a rule only counts groups.

use crate::model::rules::Level;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperClass {
    /// As a class is called here.
    pub class: &'static str,
    /// As figure 10 calls it.
    pub label: &'static str,
    /// How much it says.
    pub level: Level,
    /// N, its monitored groups.
    pub groups: u32,
    /// How many of them are its parent's, too.
    pub of_parent: u32,
    /// The class that must be detected as well.
    pub parent: Option<&'static str>,
}

impl PaperClass {
    /// Groups that the parent does not have.
    pub fn own_groups(&self) -> u32 {
        self.groups - self.of_parent
    }
}

const fn of(
    class: &'static str,
    label: &'static str,
    level: Level,
    groups: u32,
    parent: Option<&'static str>,
) -> PaperClass {
    PaperClass { class, label, level, groups, of_parent: 0, parent }
}

use Level::{Manufacturer as Man, Platform as Pl, Product as Pr};

/// The rules, in the figure's order, parents before their children.
pub const CLASSES: [PaperClass; 37] = [
    of("smarter-coffee", "Smarter Coffee", Pl, 1, None),
    of("netatmo-weather-station", "Netatmo Weather St.", Man, 1, None),
    of("microseven-camera", "Microseven Cam.", Pr, 1, None),
    of("meross-dooropener", "Meross Dooropener", Man, 1, None),
    of("magichome-stripe", "Magichome Stripe", Pr, 1, None),
    of("insteon-hub", "Insteon Hub", Pr, 1, None),
    of("ikettle", "iKettle", Pl, 1, None),
    of("anova", "Anova Sousvide", Pr, 1, None),
    of("alexa-enabled", "Alexa Enabled", Pl, 1, None),
    of("wansview-camera", "Wansview Cam.", Man, 2, None),
    of("smartthings", "Smartthings Dev.", Man, 2, None),
    of("sengled", "Sengled Dev.", Man, 2, None),
    of("reolink-camera", "Reolink Cam.", Pr, 2, None),
    of("luohe-camera", "Luohe Cam.", Pr, 2, None),
    of("lightify-hub", "Lightify Hub", Pl, 2, None),
    of("icsee-doorbell", "Icsee Doorbell", Pr, 2, None),
    of("ge-microwave", "GE Microwave", Man, 2, None),
    of("flux-bulb", "Flux Bulb", Pl, 2, None),
    of("blink", "Blink Hub & Cam.", Man, 2, None),
    of("appkettle", "AppKettle", Pr, 2, None),
    of("xiaomi", "Xiaomi Dev.", Man, 3, None),
    of("honeywell-thermostat", "Honeywell T-stat", Man, 3, None),
    of("yi-camera", "Yi Camera", Man, 4, None),
    of("ubell-doorbell", "Ubell Doorbell", Man, 4, None),
    of("smartlife", "Smartlife", Pl, 4, None),
    of("ring-doorbell", "Ring Doorbell", Man, 4, None),
    of("nest", "Nest Device", Man, 4, None),
    of("zmodo-doorbell", "ZModo Doorbell", Man, 7, None),
    of("tp-link", "TP-link Dev.", Man, 5, None),
    of("samsung-iot", "Samsung IoT", Man, 1, None),
    of("samsung-tv", "Samsung TV", Pr, 16, Some("samsung-iot")),
    of("roku-tv", "Roku TV", Pr, 14, None),
    of("philips", "Philips Dev.", Man, 5, None),
    of("amazon-product", "Amazon Product", Man, 33, Some("alexa-enabled")),
    PaperClass { of_parent: 33, ..of("fire-tv", "Fire TV", Pr, 67, Some("amazon-product")) },
    of("dlink-motion-sensor", "Dlink Motion Sens.", Man, 5, None),
    of("amcrest-camera", "Amcrest Cam.", Man, 5, None),
];
