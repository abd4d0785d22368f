//! A layout as PNG. The glyphs come with the program: a machine without any font draws the same.

use noto_sans_mono_bitmap::get_raster;

use super::{
    layout::Layout,
    shape::{Area, Colour, Face, Shape},
};

/// The layout as a whole PNG file.
pub(super) fn render(layout: &Layout) -> Vec<u8> {
    let mut canvas = Canvas::new(layout.width, layout.height);
    for shape in &layout.shapes {
        canvas.draw(shape);
    }
    canvas
        .encode(&layout.title)
        .expect("a Vec takes all that is written, and the canvas is as large as it says")
}

struct Canvas {
    width: i32,
    height: i32,
    /// Rows from top to bottom.
    pixels: Vec<[u8; 3]>,
}

impl Canvas {
    fn new(width: i32, height: i32) -> Self {
        Self {
            width,
            height,
            pixels: vec![Colour::Paper.rgb(); (width * height) as usize],
        }
    }

    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Fill { area, colour } => self.fill(*area, *colour),
            Shape::Wave {
                left,
                columns,
                colour,
            } => {
                for (column, (top, bottom)) in columns.iter().enumerate() {
                    let bar = Area {
                        left: *left + column as i32,
                        top: *top,
                        width: 1,
                        height: bottom - top,
                    };
                    self.fill(bar, *colour);
                }
            }
            Shape::Text {
                x,
                top,
                face,
                colour,
                text,
            } => {
                for (n, char) in text.chars().enumerate() {
                    self.glyph(x + n as i32 * face.advance(), *top, char, *face, *colour);
                }
            }
        }
    }

    fn fill(&mut self, area: Area, colour: Colour) {
        for y in area.top..area.bottom() {
            for x in area.left..area.right() {
                self.blend(x, y, colour, u8::MAX);
            }
        }
    }

    fn glyph(&mut self, x: i32, top: i32, char: char, face: Face, colour: Colour) {
        let of = |char| get_raster(char, face.weight(), face.raster());
        let Some(glyph) = of(char).or_else(|| of('?')) else {
            return;
        };
        for (y, row) in (top..).zip(glyph.rows()) {
            for (x, cover) in (x..).zip(row) {
                self.blend(x, y, colour, *cover);
            }
        }
    }

    /// Lays an colour over a pixel, `cover` of 255 parts of it; what lies outside is not drawn.
    fn blend(&mut self, x: i32, y: i32, colour: Colour, cover: u8) {
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return;
        }
        let pixel = &mut self.pixels[(y * self.width + x) as usize];
        let cover = u32::from(cover);
        for (channel, colour) in pixel.iter_mut().zip(colour.rgb()) {
            let mixed = u32::from(*channel) * (255 - cover) + u32::from(colour) * cover;
            *channel = ((mixed + 127) / 255) as u8;
        }
    }

    fn encode(&self, title: &str) -> Result<Vec<u8>, png::EncodingError> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.add_text_chunk("Title".to_owned(), title.to_owned())?;
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(out)
    }
}
