//! A layout as SVG: plain elements, no script, no style sheet, no font of its own.

use std::fmt::{self, Write as _};

use super::{
    layout::Layout,
    shape::{Colour, Face, Shape},
};

/// The layout as a whole SVG document.
pub(super) fn render(layout: &Layout) -> String {
    let mut out = String::new();
    document(layout, &mut out).expect("a String takes all that is written");
    out
}

fn document(layout: &Layout, out: &mut String) -> fmt::Result {
    let (width, height) = (layout.width, layout.height);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FONTS}">"#
    )?;
    writeln!(out, "<title>{}</title>", Escaped(&layout.title))?;
    writeln!(out, "<desc>{}</desc>", Escaped(&layout.description))?;
    let paper = Hex(Colour::Paper);
    writeln!(
        out,
        r#"<rect width="{width}" height="{height}" fill="{paper}"/>"#
    )?;
    for shape in &layout.shapes {
        element(shape, out)?;
    }
    writeln!(out, "</svg>")
}

fn element(shape: &Shape, out: &mut String) -> fmt::Result {
    match shape {
        Shape::Fill { area, colour } => writeln!(
            out,
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>"#,
            area.left,
            area.top,
            area.width,
            area.height,
            Hex(*colour)
        ),
        Shape::Wave {
            left,
            columns,
            colour,
        } => {
            write!(out, r#"<path stroke="{}" d=""#, Hex(*colour))?;
            for (column, (top, bottom)) in columns.iter().enumerate() {
                write!(out, "M{}.5 {top}V{bottom}", *left + column as i32)?;
            }
            writeln!(out, r#""/>"#)
        }
        Shape::Text {
            x,
            top,
            face,
            colour,
            text,
        } => {
            // In any font, the text takes the room that the layout gave it.
            let weight = match face {
                Face::Plain => "",
                Face::Bold | Face::Head => r#" font-weight="bold""#,
            };
            writeln!(
                out,
                r#"<text x="{x}" y="{}" font-size="{:.1}"{weight} textLength="{}" lengthAdjust="spacingAndGlyphs" xml:space="preserve" fill="{}">{}</text>"#,
                top + face.baseline(),
                f64::from(face.advance()) / ADVANCE,
                face.width(text),
                Hex(*colour),
                Escaped(text)
            )
        }
    }
}

struct Hex(Colour);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0.rgb();
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A text as it is between two tags. Control characters, which XML cannot hold, are not in a layout.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                _ => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

const FONTS: &str = "'Noto Sans Mono','DejaVu Sans Mono',Menlo,Consolas,monospace";
/// The width of a character in these fonts, in parts of the font's size.
const ADVANCE: f64 = 0.6;
