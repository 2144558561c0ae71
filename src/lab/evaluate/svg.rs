//! Hours to detect against the threshold D, a panel for each class, as in the
//! paper's figure 10: one SVG file without anything from elsewhere.

use std::fmt::Write as _;

/// One class's curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// A curve for each of the drawing's series: D and hours to detect, no
    /// hours where it is not detected.
    pub curves: Vec<Vec<(f64, Option<f64>)>>,
}

const COLUMNS: usize = 4;
const WIDTH: f64 = 220.0;
const HEIGHT: f64 = 120.0;
/// Room around a panel's axes.
const LEFT: f64 = 34.0;
const TOP: f64 = 22.0;
const INNER_WIDTH: f64 = 176.0;
const INNER_HEIGHT: f64 = 74.0;
const HEAD: f64 = 40.0;
const COLOURS: [&str; 4] = ["#b5442f", "#2f6fb5", "#3f8f3f", "#7a4fa3"];

/// Draws `panels`; hours go up to `hours`. A curve is drawn where the class is
/// detected, and where it is not there is none.
pub fn draw(title: &str, series: &[&str], panels: &[Panel], hours: f64) -> String {
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let (width, height) = (WIDTH * COLUMNS as f64, HEAD + HEIGHT * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"8\" y=\"16\" font-size=\"13\">{}</text>\n",
        escaped(title)
    );
    // Writing to a string cannot fail, here and below.
    for (place, name) in series.iter().enumerate() {
        let x = 8.0 + 90.0 * place as f64;
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"32\" fill=\"{}\">&#8212; {}</text>",
            COLOURS[place % COLOURS.len()],
            escaped(name)
        );
    }
    for (place, panel) in panels.iter().enumerate() {
        let x = WIDTH * (place % COLUMNS) as f64 + LEFT;
        let y = HEAD + HEIGHT * (place / COLUMNS) as f64 + TOP;
        self::panel(&mut out, panel, x, y, hours.max(1.0));
    }
    out.push_str("</svg>\n");
    out
}

fn panel(out: &mut String, panel: &Panel, x: f64, y: f64, hours: f64) {
    let bottom = y + INNER_HEIGHT;
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\">{}</text>", y - 6.0, escaped(&panel.title));
    let _ = writeln!(
        out,
        "<path d=\"M{x} {y}V{bottom}H{}\" fill=\"none\" stroke=\"#444\"/>",
        x + INNER_WIDTH
    );
    let at =
        |d: f64, hour: f64| (x + d * INNER_WIDTH, bottom - hour.min(hours) / hours * INNER_HEIGHT);
    for d in [0.0, 0.5, 1.0] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444\">{d}</text>",
            at(d, 0.0).0,
            bottom + 12.0
        );
    }
    for hour in [0.0, hours / 2.0, hours] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444\">{hour} h</text>",
            x - 3.0,
            at(0.0, hour).1 + 3.0
        );
    }
    for (place, curve) in panel.curves.iter().enumerate() {
        let mut path = String::new();
        let mut last: Option<f64> = None;
        for (d, hour) in curve {
            if let Some(hour) = hour {
                let (px, py) = at(*d, *hour);
                let _ = match last {
                    None => write!(path, "M{px:.1} {py:.1}"),
                    Some(_) => write!(path, "H{px:.1}V{py:.1}"),
                };
                let _ = write!(path, "h0.1");
            }
            last = *hour;
        }
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" stroke-linecap=\"round\"/>",
            COLOURS[place % COLOURS.len()]
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_breaks_where_nothing_is_detected() {
        let curve = vec![(0.1, Some(0.0)), (0.2, Some(4.0)), (0.3, None), (0.4, Some(8.0))];
        let panel = Panel { title: "A & <B>".to_owned(), curves: vec![curve] };
        let svg = draw("hours", &["idle"], &[panel], 72.0);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("A &amp; &lt;B&gt;"), "{svg}");
        let path = svg.lines().find(|line| line.contains("stroke-linecap")).unwrap();
        assert_eq!(path.matches('M').count(), 2, "two pieces: {path}");
    }
}
