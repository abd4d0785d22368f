//! The place of everything in the picture of counts over time.

use super::{
    layout::{LINE, Layout, MARGIN, Sheet, WIDTH, shortened},
    shape::{Colour, Face},
    title::{drawable, presentable},
};

/// Counts over time: a bar for each span, stacked of the same parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What it is about. Long runs of digits, which may be a phone number, are masked in the picture.
    pub title: String,
    /// The lines of text below the title.
    pub lines: Vec<String>,
    /// The parts of each bar, from its foot upwards.
    pub parts: Vec<Part>,
    /// The bars, from left to right.
    pub bars: Vec<Bar>,
}

/// A part of each bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part's name.
    pub name: String,
    /// Which of fifteen colours it has.
    pub colour: usize,
}

/// A span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When it begins. Not every bar has room for it.
    pub label: String,
    /// How many, for each part in turn.
    pub counts: Vec<u64>,
}

impl Layout {
    /// Lays out counts over time: title and words, the bars over their axis, and a legend with the sum of each part.
    pub fn of_chart(chart: &Chart) -> Self {
        let title = presentable(&chart.title);
        let mut sheet = Sheet::default();
        sheet.text(MARGIN, MARGIN, Face::Head, Colour::Text, &title);
        sheet.bottom = MARGIN + Face::Head.height() + 2;
        for text in &chart.lines {
            let columns = ((WIDTH - 2 * MARGIN) / Face::Plain.advance()) as usize;
            let text = shortened(&plain(text), columns);
            sheet.text(MARGIN, sheet.bottom, Face::Plain, Colour::Text, &text);
            sheet.bottom += LINE;
        }
        let legend = legend(chart);
        if chart.bars.is_empty() {
            sheet.text(MARGIN, sheet.bottom, Face::Plain, Colour::Faint, NOTHING);
            sheet.bottom += LINE;
        } else {
            bars(&mut sheet, chart);
        }
        for (at, (colour, text)) in legend.iter().enumerate() {
            let column = (WIDTH - 2 * MARGIN) / LEGEND;
            let left = MARGIN + (at as i32 % LEGEND) * column;
            let top = sheet.bottom + (at as i32 / LEGEND) * LINE;
            let side = Face::Plain.height() - 6;
            sheet.fill(left, top + 3, side, side, *colour);
            sheet.text(left + side + 8, top, Face::Plain, Colour::Text, text);
        }
        let rows =
            (legend.len() as i32).div_euclid(LEGEND) + i32::from(legend.len() as i32 % LEGEND > 0);
        let said = legend.iter().map(|(_, text)| plain(text));
        let all = chart.lines.iter().map(|text| plain(text)).chain(said);
        Self {
            width: WIDTH,
            height: sheet.bottom + rows * LINE + MARGIN,
            title,
            description: all.collect::<Vec<_>>().join("; "),
            shapes: sheet.shapes,
        }
    }
}

/// The bars, the levels behind them and the times below.
fn bars(sheet: &mut Sheet, chart: &Chart) {
    let top = sheet.bottom + MARGIN;
    let foot = top + PLOT;
    let highest = chart.bars.iter().map(|bar| bar.counts.iter().sum());
    let highest = highest.max().unwrap_or(0).max(1);
    let reach = |count: u64| (u128::from(count) * PLOT as u128 / u128::from(highest)) as i32;
    let step = step(highest);
    for level in (0..=highest / step).map(|n| n * step) {
        let y = foot - reach(level);
        sheet.fill(LEFT, y, RIGHT - LEFT, 1, Colour::Grid);
        let text = level.to_string();
        let x = LEFT - GAP - Face::Plain.width(&text);
        let above = y - Face::Plain.height() / 2;
        sheet.text(x, above, Face::Plain, Colour::Faint, &text);
    }
    let count = chart.bars.len() as i64;
    let edge = |n: i64| LEFT + (n * i64::from(RIGHT - LEFT) / count) as i32;
    let mut free = LEFT;
    for (n, bar) in (0..).zip(&chart.bars) {
        let (left, right) = (edge(n), edge(n + 1));
        let gap = i32::from(right - left >= 4);
        let mut below = 0;
        for (part, count) in chart.parts.iter().zip(&bar.counts) {
            let (from, until) = (reach(below), reach(below + count));
            below += count;
            if until > from {
                let colour = Colour::Part(part.colour);
                sheet.fill(left, foot - until, right - left - gap, until - from, colour);
            }
        }
        let label = plain(&bar.label);
        let width = Face::Plain.width(&label);
        if left >= free && left + width <= WIDTH - MARGIN {
            sheet.fill(left, foot, 1, TICK, Colour::Faint);
            sheet.text(left, foot + TICK, Face::Plain, Colour::Text, &label);
            free = left + width + GAP;
        }
    }
    sheet.fill(LEFT, foot, RIGHT - LEFT, 1, Colour::Faint);
    sheet.bottom = foot + TICK + LINE + MARGIN;
}

/// Each part that there is any of, with how many and the share of all.
fn legend(chart: &Chart) -> Vec<(Colour, String)> {
    let sums: Vec<u64> = (0..chart.parts.len())
        .map(|n| chart.bars.iter().filter_map(|bar| bar.counts.get(n)).sum())
        .collect();
    let all: u64 = sums.iter().sum();
    let some = chart.parts.iter().zip(sums).filter(|(_, sum)| *sum > 0);
    some.map(|(part, sum)| {
        let share = sum as f64 * 100.0 / all as f64;
        let text = format!("{} {sum} ({share:.1} %)", plain(&part.name));
        (Colour::Part(part.colour), text)
    })
    .collect()
}

/// From one labelled level to the next: at most six, of round numbers.
fn step(highest: u64) -> u64 {
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let rounds = powers.flat_map(|power| [power, power.saturating_mul(2), power.saturating_mul(5)]);
    rounds
        .into_iter()
        .find(|step| highest / step <= 5)
        .unwrap_or(highest)
}

fn plain(text: &str) -> String {
    text.chars().map(drawable).collect()
}

/// The left edge of the bars; the levels are left of it.
const LEFT: i32 = 90;
const RIGHT: i32 = WIDTH - 14;
/// Pixels of the bars from top to bottom.
const PLOT: i32 = 320;
/// Pixels between two texts, or a text and a line.
const GAP: i32 = 8;
/// Pixels of a tick.
const TICK: i32 = 5;
/// Parts in one row of the legend.
const LEGEND: i32 = 4;
/// The text in place of the bars if there are none.
const NOTHING: &str = "Nothing has ended yet.";

#[cfg(test)]
mod tests {
    use xml::{EventReader, reader::XmlEvent};

    use super::*;
    use crate::evidence::picture::shape::Shape;

    #[test]
    fn bars_are_as_high_as_their_counts_and_stacked() {
        let layout = Layout::of_chart(&chart(&[&[2, 2], &[0, 4], &[1, 0], &[0, 0]]));
        let fills = fills(&layout);
        let heights: Vec<_> = fills
            .iter()
            .map(|(_, _, height, part)| (*height, *part))
            .collect();
        // The legend's two are last.
        assert_eq!(
            heights[..4],
            [(PLOT / 2, 0), (PLOT / 2, 1), (PLOT, 1), (PLOT / 4, 0)]
        );
        assert_eq!(
            fills[1].1 + PLOT / 2,
            fills[0].1,
            "the second is on top of the first"
        );
        assert_eq!(fills[0].0, LEFT);
        assert_eq!(fills[2].0, LEFT + (RIGHT - LEFT) / 4);
        assert!(
            layout
                .description
                .ends_with("delivered 3 (33.3 %); no_answer 6 (66.7 %)"),
            "{}",
            layout.description
        );
    }

    #[test]
    fn any_number_of_bars_and_any_text_stay_within_the_picture_and_are_xml() {
        let counts: Vec<Vec<u64>> = (0..3_000)
            .map(|n| vec![n % 7, u64::from(n == 9) << 40])
            .collect();
        let counts: Vec<&[u64]> = counts.iter().map(Vec::as_slice).collect();
        for counts in [&[][..], &[&[0, 0][..]][..], &counts] {
            let mut chart = chart(counts);
            chart.title = "</title><script>alert(1)</script>\u{7}\u{202e} 2025550101".into();
            chart.lines = vec!["&lt; ]]> \"'".repeat(200)];
            chart.parts[1].name = "<g onload='x'>".into();
            let layout = Layout::of_chart(&chart);
            for shape in &layout.shapes {
                let right = match shape {
                    Shape::Fill { area, .. } => {
                        assert!(
                            area.width >= 0 && area.bottom() <= layout.height,
                            "{area:?}"
                        );
                        area.right()
                    }
                    Shape::Text { x, face, text, .. } => x + face.width(text),
                    Shape::Wave { .. } => panic!("no wave was asked for"),
                };
                assert!(right <= WIDTH, "{shape:?}");
            }
            let svg = layout.svg();
            let mut names = Vec::new();
            for event in EventReader::from_str(&svg) {
                if let XmlEvent::StartElement { name, .. } = event.unwrap() {
                    names.push(name.local_name);
                }
            }
            let known = ["svg", "title", "desc", "rect", "text"];
            for name in names {
                assert!(known.contains(&name.as_str()), "{name}");
            }
            assert!(!svg.contains("2025550101"));
            assert!(!layout.png().is_empty());
        }
    }

    #[test]
    fn levels_are_round_and_few() {
        for (highest, wanted) in [
            (1, 1),
            (5, 1),
            (6, 2),
            (11, 2),
            (12, 5),
            (29, 5),
            (30, 10),
            (999, 200),
            (u64::MAX, 5_000_000_000_000_000_000),
        ] {
            assert_eq!(step(highest), wanted, "{highest}");
        }
    }

    fn chart(counts: &[&[u64]]) -> Chart {
        let part = |name: &str, colour| Part {
            name: name.into(),
            colour,
        };
        let bar = |counts: &&[u64]| Bar {
            label: "11-23 14:00".into(),
            counts: counts.to_vec(),
        };
        Chart {
            title: "spring".into(),
            lines: vec!["9 drops".into()],
            parts: vec![part("delivered", 0), part("no_answer", 6)],
            bars: counts.iter().map(bar).collect(),
        }
    }

    /// Left, top, height and part of what is filled in a part's colour.
    fn fills(layout: &Layout) -> Vec<(i32, i32, i32, usize)> {
        let parts = layout.shapes.iter().filter_map(|shape| match shape {
            Shape::Fill {
                area,
                colour: Colour::Part(part),
            } => Some((area.left, area.top, area.height, usize::from(*part > 0))),
            Shape::Fill { .. } | Shape::Wave { .. } | Shape::Text { .. } => None,
        });
        parts.collect()
    }
}
