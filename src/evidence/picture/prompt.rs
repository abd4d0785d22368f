//! The picture of a prompt's fingerprint: where its spectrum has peaks, and what is known of it.

use super::{
    layout::Layout,
    shape::{Area, Colour, Face, Shape},
    title::presentable,
};

/// A prompt as it is drawn.
#[derive(Clone, Debug)]
pub struct PromptPicture<'a> {
    /// The head.
    pub title: &'a str,
    /// What is known of it, a line each.
    pub lines: &'a [String],
    /// How long it is, in seconds.
    pub seconds: f32,
    /// When its beep begins, in seconds.
    pub beep: Option<f32>,
    /// Its peaks: seconds and Hz.
    pub peaks: &'a [(f32, f32)],
}

impl Layout {
    /// The picture of a prompt's fingerprint, time to the right and frequency upwards.
    pub fn of_prompt(prompt: &PromptPicture<'_>) -> Self {
        let title = presentable(prompt.title);
        let mut shapes = vec![text(
            MARGIN,
            MARGIN,
            Face::Head,
            Colour::Text,
            title.clone(),
        )];
        let mut top = MARGIN + Face::Head.height() + 8;
        for line in prompt.lines {
            shapes.push(text(
                MARGIN,
                top,
                Face::Plain,
                Colour::Faint,
                presentable(line),
            ));
            top += Face::Plain.height() + 4;
        }
        let seconds = prompt
            .seconds
            .max(prompt.beep.unwrap_or(0.0) + 0.5)
            .max(1.0);
        let plot = Area {
            left: MARGIN + AXIS,
            top: top + 8,
            width: WIDTH - 2 * MARGIN - AXIS,
            height: PLOT,
        };
        let x = |at: f32| plot.left + (at / seconds * plot.width as f32) as i32;
        let y = |hz: f32| plot.bottom() - (hz / HIGHEST * plot.height as f32) as i32;
        for khz in 0..=3 {
            let row = y(khz as f32 * 1_000.0);
            shapes.push(fill(plot.left, row, plot.width, 1, Colour::Grid));
            let top = row - Face::Plain.height() / 2;
            shapes.push(text(
                MARGIN,
                top,
                Face::Plain,
                Colour::Faint,
                format!("{khz} kHz"),
            ));
        }
        let each = (seconds / 10.0).ceil().max(1.0);
        let mut mark = 0.0;
        while mark <= seconds {
            shapes.push(fill(x(mark), plot.top, 1, plot.height, Colour::Grid));
            let name = format!("{mark:.0} s");
            shapes.push(text(
                x(mark),
                plot.bottom() + 4,
                Face::Plain,
                Colour::Faint,
                name,
            ));
            mark += each;
        }
        for (at, hz) in prompt.peaks {
            shapes.push(fill(x(*at) - 1, y(*hz) - 1, 3, 3, Colour::Wave));
        }
        if let Some(beep) = prompt.beep {
            shapes.push(fill(x(beep), plot.top, 3, plot.height, Colour::Beep));
            let name = format!("beep {beep:.1} s");
            let left = (x(beep) - Face::Plain.width(&name) - 4).max(plot.left);
            shapes.push(text(left, plot.top, Face::Plain, Colour::Beep, name));
        }
        Self {
            width: WIDTH,
            height: plot.bottom() + Face::Plain.height() + 4 + MARGIN,
            description: prompt
                .lines
                .iter()
                .map(|line| presentable(line))
                .collect::<Vec<_>>()
                .join("; "),
            title,
            shapes,
        }
    }
}

fn fill(left: i32, top: i32, width: i32, height: i32, colour: Colour) -> Shape {
    let area = Area {
        left,
        top,
        width,
        height,
    };
    Shape::Fill { area, colour }
}

fn text(x: i32, top: i32, face: Face, colour: Colour, text: String) -> Shape {
    Shape::Text {
        x,
        top,
        face,
        colour,
        text,
    }
}

const WIDTH: i32 = 1_200;
const MARGIN: i32 = 20;
const AXIS: i32 = 70;
const PLOT: i32 = 340;
/// The top of the plot, in Hz.
const HIGHEST: f32 = 3_500.0;
