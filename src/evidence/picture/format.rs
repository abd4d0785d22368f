//! The formats of a picture.

use std::path::Path;

/// How a picture is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// Scalable Vector Graphics 1.1.
    Svg,
    /// Portable Network Graphics, 24 bits a pixel.
    Png,
}

impl PictureFormat {
    /// The format that a file's name asks for by its ending, `.svg` or `.png` in any case; `None` for every other name.
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?.to_ascii_lowercase();
        match end.as_str() {
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}
