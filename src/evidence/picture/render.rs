//! A layout as a file: both renderers, and which of them a format means.

use super::{format::PictureFormat, layout::Layout, png, svg};

impl Layout {
    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        svg::render(self)
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        png::render(self)
    }

    /// The picture as a file of this format.
    pub fn render(&self, format: PictureFormat) -> Vec<u8> {
        match format {
            PictureFormat::Svg => self.svg().into_bytes(),
            PictureFormat::Png => self.png(),
        }
    }
}
