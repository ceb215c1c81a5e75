//! The plot: time of a login over how many are enrolled, both axes in powers of ten.

use crate::raw::{Raw, grouped};
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
/// Left, right, top and bottom of the field.
const FIELD: (f64, f64, f64, f64) = (70.0, 510.0, 40.0, 370.0);
/// The decades of microseconds that are shown.
const DECADES: (i32, i32) = (1, 6);

/// Who is drawn, in which colour, and whether dashed. The colours differ for those who see fewer of them.
const LINES: [(&str, &str, &str, bool); 5] = [
    ("login", "pam_oath", "#d55e00", false),
    ("login", "pam_google_authenticator", "#cc79a7", false),
    ("login", "pam_totp", "#0072b2", false),
    ("login", "pam_permit", "#555555", false),
    ("overwrite", "disk", "#009e73", true),
];

pub(crate) fn render(raw: &Raw) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{}\" y=\"22\" font-size=\"15\">Time of a login in a fresh process (p50)</text>\n",
        FIELD.0
    );
    let users = raw.users("login");
    let most = users.last().copied().unwrap_or(1).max(10);
    axes(&mut svg, most);
    let mut labels: Vec<(f64, String, &str)> = Vec::new();
    for (what, who, colour, dashed) in LINES {
        let how = if what == "login" { "fresh" } else { "-" };
        let points: Vec<_> = users
            .iter()
            .filter_map(|&users| Some((x(users, most), y(raw.at(50, what, who, users, how, "ns")?))))
            .collect();
        line(&mut svg, &points, colour, dashed);
        if let Some(&(_, end)) = points.last() {
            let name = if what == "login" { who } else { "4096 bytes overwritten durably" };
            labels.push((end, name.to_owned(), colour));
        }
    }
    write_labels(&mut svg, labels);
    svg.push_str("</svg>\n");
    svg
}

fn x(users: usize, most: usize) -> f64 {
    FIELD.0 + (FIELD.1 - FIELD.0) * (users as f64).log10() / (most as f64).log10()
}

fn y(nanoseconds: u64) -> f64 {
    let (least, most) = DECADES;
    let height = ((nanoseconds as f64 / 1e3).log10() - f64::from(least)) / f64::from(most - least);
    FIELD.3 - (FIELD.3 - FIELD.2) * height
}

fn axes(svg: &mut String, most: usize) {
    let (left, right, top, bottom) = FIELD;
    for decade in DECADES.0..=DECADES.1 {
        let microseconds = 10u64.pow(decade.unsigned_abs());
        let y = y(microseconds * 1_000);
        let words = match microseconds {
            0..1_000 => format!("{microseconds} us"),
            1_000..1_000_000 => format!("{} ms", microseconds / 1_000),
            _ => format!("{} s", microseconds / 1_000_000),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(svg, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#dddddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{words}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    let mut users = 1;
    while users <= most {
        let x = x(users, most);
        let _ = writeln!(svg, "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#eeeeee\"/>");
        let text = grouped(users as u64);
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>", bottom + 18.0);
        users *= 10;
    }
    let middle = (left + right) / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">people enrolled</text>",
        bottom + 38.0
    );
}

fn line(svg: &mut String, points: &[(f64, f64)], colour: &str, dashed: bool) {
    let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let dash = if dashed { " stroke-dasharray=\"5 4\"" } else { "" };
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
        path.join(" ")
    );
    for (x, y) in points {
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }
}

/// Beside the ends of their lines, and none over another.
fn write_labels(svg: &mut String, mut labels: Vec<(f64, String, &str)>) {
    labels.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = FIELD.2;
    for (end, name, colour) in labels {
        let at = end.max(free);
        free = at + 16.0;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            FIELD.1 + 10.0,
            at + 4.0
        );
    }
}
