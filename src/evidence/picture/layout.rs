//! The place of everything in the picture of a recording.

use super::{
    lanes::{Interval, Lanes},
    packing::{Item, Lane, ROW},
    recording::Recording,
    shape::{Area, Colour, Face, Shape},
    title::presentable,
    waveform::Scale,
};
use crate::screen::{At, RATE, Replay};

/// A picture of a recording or of counts, laid out on 1200 pixels' width.
///
/// Of a recording, from top to bottom: verdict and ready point in text, the reasons, what followed the call, the waveform with the
/// beeps shaded, an axis in seconds since answer, and a lane each for speech, tones, verdict, ready point and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) title: String,
    /// All that the picture shows, in one text.
    pub(super) description: String,
    pub(super) shapes: Vec<Shape>,
}

impl Layout {
    /// Lays out a message: its sound alone, which nobody has heard as a call.
    pub fn of_message(title: &str, samples: &[i16]) -> Self {
        Self::of(&Recording {
            title,
            samples,
            replay: &Replay::default(),
            message: None,
            plays: None,
            later: &[],
        })
    }

    /// Where the time of a recording begins and ends in the picture, as shares of its width.
    pub const TIME: (f64, f64) = (
        PLOT_LEFT as f64 / WIDTH as f64,
        PLOT_RIGHT as f64 / WIDTH as f64,
    );

    /// Lays out a recording.
    pub fn of(recording: &Recording<'_>) -> Self {
        let heard = Lanes::of(recording);
        let axis = Axis::new(At(recording.samples.len() as u64));
        let mut sheet = Sheet::default();
        let title = presentable(recording.title);
        sheet.head(&title, axis.end, &heard);
        sheet.later(&heard.later);
        let waveform = Area {
            left: PLOT_LEFT,
            top: sheet.bottom + MARGIN,
            width: PLOT_RIGHT - PLOT_LEFT,
            height: WAVE,
        };
        let lanes = heard.lanes.iter().map(|(name, intervals)| {
            let items = intervals
                .iter()
                .map(|interval| axis.item(interval))
                .collect();
            (*name, Lane::pack(items, PLOT_LEFT, PLOT_RIGHT))
        });
        let lanes: Vec<_> = lanes.collect();
        let first_lane = waveform.bottom() + AXIS;
        let foot = first_lane + lanes.iter().map(|(_, lane)| lane.height()).sum::<i32>();

        sheet.waveform(recording.samples, waveform, &heard, &axis);
        sheet.axis(&axis, waveform, foot);
        let mut top = first_lane;
        let tops = lanes.iter().map(|(_, lane)| {
            top += lane.height();
            top - lane.height()
        });
        let tops: Vec<_> = tops.collect();
        // All lines first: texts lie over them.
        for ((name, _), top) in lanes.iter().zip(&tops) {
            for mark in heard.marks.iter().filter(|mark| mark.lane == *name) {
                let (x, height) = (axis.x(mark.at), top + ROW - waveform.top);
                sheet.upright(x, waveform.top, height, mark.colour, mark.dashed);
            }
        }
        for ((name, lane), top) in lanes.iter().zip(tops) {
            sheet.fill(0, top, WIDTH, 1, Colour::Grid);
            let text_top = top + (ROW - Face::Plain.height()) / 2;
            sheet.name(name, text_top);
            lane.draw(top, &mut sheet.shapes);
            if lane.is_empty() {
                sheet.text(
                    PLOT_LEFT + GUTTER,
                    text_top,
                    Face::Plain,
                    Colour::Faint,
                    "none",
                );
            }
        }
        Self {
            width: WIDTH,
            height: foot + MARGIN,
            title,
            description: heard.describe(),
            shapes: sheet.shapes,
        }
    }
}

/// The time axis: which pixel column is which moment.
struct Axis {
    end: At,
}

impl Axis {
    const fn new(end: At) -> Self {
        Self { end }
    }

    fn x(&self, at: At) -> i32 {
        let width = (PLOT_RIGHT - PLOT_LEFT) as u64;
        let x = at.0.min(self.end.0) * width / self.end.0.max(1);
        PLOT_LEFT + x as i32
    }

    /// Seconds from one labelled tick to the next: at most fifteen labels, of round numbers.
    fn step(&self) -> f64 {
        let seconds = self.end.seconds();
        let round = STEPS.iter().copied().find(|step| seconds / step <= 15.0);
        // Beyond the table, whole hours.
        round.unwrap_or_else(|| (seconds / 15.0 / 3_600.0).ceil() * 3_600.0)
    }

    fn ticks(&self) -> impl Iterator<Item = (i32, String)> {
        let step = self.step();
        let count = (self.end.seconds() / step + 1e-9).floor() as u32;
        let decimals = usize::from(step < 1.0) + usize::from(step < 0.1);
        (0..=count).map(move |n| {
            let seconds = f64::from(n) * step;
            let at = At((seconds * RATE as f64).round() as u64);
            (self.x(at), format!("{seconds:.decimals$}"))
        })
    }

    fn item(&self, interval: &Interval) -> Item {
        let (left, right) = match interval.until {
            Some(until) => (self.x(interval.from), self.x(until)),
            None => (self.x(interval.from) - 1, self.x(interval.from) + 2),
        };
        let left = left.clamp(PLOT_LEFT, PLOT_RIGHT - THINNEST);
        Item {
            left,
            right: right.clamp(left + THINNEST, PLOT_RIGHT),
            labels: interval.labels.clone(),
            beside: interval.beside,
            colour: interval.colour,
            fill: interval.fill,
        }
    }
}

/// The shapes so far, and the last row in use.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) shapes: Vec<Shape>,
    pub(super) bottom: i32,
}

impl Sheet {
    /// Verdict and ready point, with the recording's name and length at the right; below, the reasons.
    fn head(&mut self, title: &str, length: At, lanes: &Lanes) {
        self.text(MARGIN, MARGIN, Face::Head, Colour::Text, &lanes.headline);
        self.bottom = MARGIN + Face::Head.height();
        let length = format!(", {length}");
        let beside = Face::Head.width(&lanes.headline) + Face::Head.advance() * 2;
        let room = WIDTH - 2 * MARGIN - beside - Face::Plain.width(&length);
        let fits = room >= Face::Plain.advance() * SHORTEST_TITLE;
        let room = if fits {
            room
        } else {
            self.bottom += LINE;
            room + beside
        };
        let about = shortened(title, (room / Face::Plain.advance()) as usize) + &length;
        let x = WIDTH - MARGIN - Face::Plain.width(&about);
        let top = self.bottom - Face::Plain.height();
        self.text(x, top, Face::Plain, Colour::Faint, &about);
        let columns = ((WIDTH - 2 * MARGIN) / Face::Plain.advance()) as usize;
        let why = format!(
            "Why: {}",
            lanes.reasons.first().map_or("no reasons", |why| why)
        );
        let more = lanes.reasons.iter().skip(1).cloned();
        for text in wrapped(std::iter::once(why).chain(more), columns) {
            self.text(MARGIN, self.bottom + 2, Face::Plain, Colour::Text, &text);
            self.bottom += LINE;
        }
    }

    /// What followed the call.
    fn later(&mut self, later: &[String]) {
        let columns = ((WIDTH - 2 * MARGIN) / Face::Plain.advance()) as usize;
        for text in wrapped(later.iter().cloned(), columns) {
            self.text(MARGIN, self.bottom + 2, Face::Plain, Colour::Text, &text);
            self.bottom += LINE;
        }
    }

    /// Beeps shaded, levels ruled, and the samples over them.
    fn waveform(&mut self, samples: &[i16], area: Area, lanes: &Lanes, axis: &Axis) {
        for (from, until) in &lanes.beeps {
            let (left, right) = (axis.x(*from), axis.x(*until));
            let width = (right - left).max(THINNEST);
            self.fill(left, area.top, width, area.height, Colour::BeepPale);
        }
        let scale = Scale::of(samples);
        let half = area.height / 2;
        let middle = area.top + half;
        for down in [0, 6, 12, 20] {
            let reach = (f64::from(half) * scale.reach(scale.top_db - down)).round() as i32;
            let db = match (down, scale.top_db - down) {
                (0, db) => format!("{db} dBFS"),
                (_, db) => db.to_string(),
            };
            for y in [middle - reach, middle + reach - 1] {
                self.fill(area.left, y, area.width, 1, Colour::Grid);
            }
            // The lower half mirrors the upper one; below 12 dB the labels would touch.
            if down <= 12 {
                let top = (middle - reach - Face::Plain.height() / 2).max(area.top - 4);
                self.gutter(&db, top, Face::Plain, Colour::Faint);
            }
        }
        self.fill(area.left, middle, area.width, 1, Colour::Grid);
        self.shapes.push(Shape::Wave {
            left: area.left,
            columns: scale.columns(samples, area),
            colour: Colour::Wave,
        });
    }

    /// Ticks with their seconds below the waveform, and pale lines from its top through all lanes.
    fn axis(&mut self, axis: &Axis, waveform: Area, foot: i32) {
        self.name("seconds", waveform.bottom() + TICK);
        self.fill(
            waveform.left,
            waveform.bottom(),
            waveform.width,
            1,
            Colour::Faint,
        );
        for (x, label) in axis.ticks() {
            // Behind what is there already.
            let line = Area {
                left: x,
                top: waveform.top,
                width: 1,
                height: foot - waveform.top,
            };
            let colour = Colour::Grid;
            self.shapes.insert(0, Shape::Fill { area: line, colour });
            self.fill(x, waveform.bottom(), 1, TICK, Colour::Faint);
            let width = Face::Plain.width(&label);
            let left = (x - width / 2).clamp(waveform.left, WIDTH - MARGIN - width);
            let top = waveform.bottom() + TICK;
            // White behind the figures: the line would go through them.
            self.fill(left, top, width, Face::Plain.height(), Colour::Paper);
            self.text(left, top, Face::Plain, Colour::Text, &label);
        }
    }

    /// A line two pixels wide from a row downwards.
    fn upright(&mut self, x: i32, top: i32, height: i32, colour: Colour, dashed: bool) {
        let left = x.min(PLOT_RIGHT - 2);
        let (dash, gap) = if dashed { (7, 5) } else { (height, 0) };
        let mut down = 0;
        while down < height {
            self.fill(left, top + down, 2, dash.min(height - down), colour);
            down += dash + gap;
        }
    }

    fn name(&mut self, text: &str, top: i32) {
        self.gutter(text, top, Face::Bold, Colour::Text);
    }

    /// A text at the left of the plot, up to its edge.
    fn gutter(&mut self, text: &str, top: i32, face: Face, colour: Colour) {
        let x = PLOT_LEFT - GUTTER - face.width(text);
        self.text(x, top, face, colour, text);
    }

    pub(super) fn fill(&mut self, left: i32, top: i32, width: i32, height: i32, colour: Colour) {
        let area = Area {
            left,
            top,
            width,
            height,
        };
        self.shapes.push(Shape::Fill { area, colour });
    }

    pub(super) fn text(&mut self, x: i32, top: i32, face: Face, colour: Colour, text: &str) {
        if !text.is_empty() {
            self.shapes.push(Shape::Text {
                x,
                top,
                face,
                colour,
                text: text.to_owned(),
            });
        }
    }
}

/// A text of at most this many characters; what was cut off is three dots.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let reader: String = text.chars().take(most.saturating_sub(3)).collect();
    let dots = ".".repeat(most.min(3));
    reader + &dots
}

/// Reasons in lines of at most this many characters, none broken if it fits a line.
fn wrapped(reasons: impl Iterator<Item = String>, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for reason in reasons {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + reason.chars().count() <= columns => {
                line.push_str("; ");
                line.push_str(&reason);
            }
            Some(_) | None => lines.push(shortened(&reason, columns)),
        }
    }
    lines
}

/// Pixels of the whole picture from left to right.
pub(super) const WIDTH: i32 = 1_200;
/// Pixels between the picture's edge and what is in it.
pub(super) const MARGIN: i32 = 10;
/// Pixels from one line of text to the next.
pub(super) const LINE: i32 = Face::Plain.height() + 2;
/// Characters of a title that has to do with less than the whole of its line.
const SHORTEST_TITLE: i32 = 12;
/// The left edge of the plot; the names of the lanes are left of it.
const PLOT_LEFT: i32 = 90;
const PLOT_RIGHT: i32 = WIDTH - 14;
/// Pixels between a lane's name and the plot.
const GUTTER: i32 = 8;
/// Pixels of the waveform from top to bottom.
const WAVE: i32 = 160;
/// Pixels of the axis below it.
const AXIS: i32 = 30;
/// Pixels of a tick.
const TICK: i32 = 5;
/// Pixels that anything takes at least, however short it was.
const THINNEST: i32 = 3;
/// Seconds between labels that people can count by.
const STEPS: &[f64] = &[
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1_800.0, 3_600.0,
];
