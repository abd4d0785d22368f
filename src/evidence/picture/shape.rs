//! What a picture is made of: areas, waves and texts, on whole pixels.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster_width};

/// One part of a picture; later ones lie over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A filled rectangle.
    Fill { area: Area, colour: Colour },
    /// One vertical bar a pixel column, from its first row to the one after its last.
    Wave {
        left: i32,
        columns: Vec<(i32, i32)>,
        colour: Colour,
    },
    /// A line of text; `x` and `top` are the upper left corner of its first glyph's box.
    Text {
        x: i32,
        top: i32,
        face: Face,
        colour: Colour,
        text: String,
    },
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Area {
    pub(super) const fn right(self) -> i32 {
        self.left + self.width
    }

    pub(super) const fn bottom(self) -> i32 {
        self.top + self.height
    }
}

/// The faces of the text, all of one width a character, so that the layout knows how long a text gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Plain,
    Bold,
    Head,
}

impl Face {
    /// Pixels from one character to the next.
    pub(super) const fn advance(self) -> i32 {
        get_raster_width(self.weight(), self.raster()) as i32
    }

    /// Pixels from the top of a line to its bottom.
    pub(super) const fn height(self) -> i32 {
        self.raster().val() as i32
    }

    /// Pixels from the top of a line to the foot of its letters (the font's ascent, 1.069 of 1.362 em).
    pub(super) const fn baseline(self) -> i32 {
        (self.height() * 785 + 500) / 1_000
    }

    /// Pixels that a text takes.
    pub(super) fn width(self, text: &str) -> i32 {
        text.chars().count() as i32 * self.advance()
    }

    pub(super) const fn weight(self) -> FontWeight {
        match self {
            Self::Plain => FontWeight::Regular,
            Self::Bold | Self::Head => FontWeight::Bold,
        }
    }

    pub(super) const fn raster(self) -> RasterHeight {
        match self {
            Self::Plain | Self::Bold => RasterHeight::Size20,
            Self::Head => RasterHeight::Size24,
        }
    }
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Paper,
    Text,
    Faint,
    Grid,
    Wave,
    Speech,
    SpeechPale,
    Beep,
    BeepPale,
    Signal,
    SignalPale,
    Verdict,
    Ready,
    Message,
    MessagePale,
    Voice,
    /// A part of a chart, by its number in [`PARTS`]; beyond them the colours repeat.
    Part(usize),
}

impl Colour {
    /// Red, green and blue. On paper, whatever is written or drawn thin keeps a contrast of 4.5 (WCAG 2.1, AA). The parts
    /// of a chart are areas, with their names in text beside them.
    pub(super) const fn rgb(self) -> [u8; 3] {
        match self {
            Self::Paper => [0xff, 0xff, 0xff],
            Self::Text => [0x1a, 0x1a, 0x1a],
            Self::Faint => [0x5f, 0x63, 0x68],
            Self::Grid => [0xe2, 0xe4, 0xe8],
            Self::Wave => [0x3c, 0x5a, 0x86],
            Self::Speech => [0x5b, 0x6b, 0x82],
            Self::SpeechPale => [0xe4, 0xe9, 0xf1],
            Self::Beep => [0xa8, 0x4e, 0x00],
            Self::BeepPale => [0xff, 0xe6, 0xc2],
            Self::Signal => [0x8a, 0x5a, 0x00],
            Self::SignalPale => [0xf4, 0xec, 0xd8],
            Self::Verdict => [0x7a, 0x2a, 0x8c],
            Self::Ready => [0x12, 0x74, 0x3a],
            Self::Message => [0x2d, 0x7d, 0x55],
            Self::MessagePale => [0xdd, 0xf1, 0xe5],
            Self::Voice => [0xb0, 0x1e, 0x2d],
            Self::Part(n) => PARTS[n % PARTS.len()],
        }
    }
}

/// Colours for up to fifteen parts of a chart: hues far from each other beside shades that differ in lightness, so that
/// neighbours differ for people who do not see some of the hues.
const PARTS: [[u8; 3]; 15] = [
    [0x1b, 0x78, 0x37],
    [0xb2, 0x18, 0x2b],
    [0xef, 0x8a, 0x62],
    [0x7b, 0x32, 0x94],
    [0xc2, 0xa5, 0xcf],
    [0xd6, 0xa8, 0x00],
    [0x21, 0x66, 0xac],
    [0x67, 0xa9, 0xcf],
    [0x8c, 0x51, 0x0a],
    [0xbf, 0x9b, 0x6f],
    [0x01, 0x66, 0x5e],
    [0x5a, 0xb4, 0xac],
    [0x96, 0x96, 0x96],
    [0x30, 0x30, 0x30],
    [0xe7, 0x29, 0x8a],
];
