//! The testbed is the paper's, and what is visible of it is what the paper saw.

use super::products::{devices, equipment, of_classes};
use super::*;
use crate::model::rules::Level;
use crate::simulate::visibility::{Visibility, Visit, visibility};

#[test]
fn the_rules_are_those_of_figure_10() {
    let of = |level| CLASSES.iter().filter(|class| class.level == level).count();
    assert_eq!([of(Level::Platform), of(Level::Manufacturer), of(Level::Product)], [6, 20, 11]);
    let family = |class: &str| {
        let class = CLASSES.iter().find(|known| known.class == class).unwrap();
        lineage(class).iter().map(|class| class.groups).collect::<Vec<_>>()
    };
    assert_eq!(family("fire-tv"), [67, 33, 1]);
    assert_eq!(family("samsung-tv"), [16, 1]);
    assert_eq!(CLASSES.iter().filter(|class| class.groups == 1).count(), 10);
}

#[test]
fn the_devices_are_96_of_56_products() {
    for seed in 0..20 {
        let all = devices(seed, false);
        assert_eq!(all.len(), 96);
        let products: std::collections::HashSet<usize> =
            all.iter().map(|standing| standing.product).collect();
        assert_eq!(products.len(), 56);
        assert!((92..=94).contains(&devices(seed, true).len()), "two appliances are never used");
        let of = |class: &str| {
            let place = CLASSES.iter().position(|known| known.class == class).unwrap();
            of_classes(seed, false)[place].len()
        };
        // The class of a Fire TV is that of three Echos, too, and of Allure.
        assert!((1..=2).contains(&of("fire-tv")));
        assert!((4..=8).contains(&of("amazon-product")));
        assert!((5..=10).contains(&of("alexa-enabled")));
        assert!((3..=6).contains(&of("samsung-iot")));
        assert!((4..=8).contains(&of("xiaomi")));
    }
    assert_ne!(devices(1, false), devices(2, false), "which are at both sites is drawn");
}

fn seen(used: bool) -> Visibility {
    let sampling = 550.try_into().unwrap();
    visibility(
        |seed| equipment(seed, used),
        &Visit { sampling, hours: 72, used, testbeds: 60, seed: 1 },
    )
}

fn near(what: &str, found: f64, paper: f64, within: f64) {
    assert!((found - paper).abs() <= within, "{what}: {found:.3}, the paper's {paper}");
}

/// The figures of the paper's §3. They are all that the traffic model's
/// parameters were chosen by; `docs/evaluation.md` lists what comes out here.
#[test]
fn idle_devices_are_as_visible_as_in_the_paper() {
    let seen = seen(false);
    println!("{seen:?}");
    near("addresses in an hour", seen.hour, 0.165, 0.02);
    near("devices in an hour", seen.devices, 0.64, 0.04);
    assert!(seen.period > 0.34 && seen.period < 0.42, "more than 34 % in three days: {seen:?}");
    near("a tenth of the addresses", seen.heaviest[0], 0.80, 0.08);
    // "A bit lower" than in use, where it is 70 %.
    near("a fifth", seen.heaviest[1], 0.65, 0.08);
    // The paper has more than 95 %: the model's rarely used addresses are too many.
    near("a fifth in a day", seen.heaviest_of_day, 0.95, 0.08);
    assert!((500.0..=1_300.0).contains(&seen.servers), "service addresses an hour: {seen:?}");
}

#[test]
fn used_devices_are_as_visible_as_in_the_paper() {
    let seen = seen(true);
    println!("{seen:?}");
    near("addresses in an hour", seen.hour, 0.16, 0.02);
    near("devices in an hour", seen.devices, 0.67, 0.06);
    assert!(seen.period > 0.28, "more than 28 % in all: {seen:?}");
    near("a fifth of the addresses", seen.heaviest[1], 0.70, 0.10);
    near("a fifth in a day", seen.heaviest_of_day, 0.95, 0.08);
    assert!((500.0..=1_300.0).contains(&seen.servers), "service addresses an hour: {seen:?}");
}
