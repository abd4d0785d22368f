//! A lane: what happened, in boxes along the time axis, each with its label if there is room.

use super::shape::{Area, Colour, Face, Shape};

/// One thing that happened, placed in pixels.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) left: i32,
    pub(super) right: i32,
    /// Its labels, the most detailed first; the first that has room is written.
    pub(super) labels: Vec<String>,
    /// Whether a label may be beside the box, or in it only.
    pub(super) beside: bool,
    pub(super) colour: Colour,
    pub(super) fill: Colour,
}

/// Items in rows, so that no box and no label lies over another.
pub(super) struct Lane {
    rows: i32,
    placed: Vec<Placed>,
}

struct Placed {
    row: i32,
    item: Item,
    /// The column at which its label begins, and the label.
    label: Option<(i32, String)>,
}

impl Lane {
    /// Packs items, given in order of time, between two pixel columns.
    pub(super) fn pack(items: Vec<Item>, left: i32, right: i32) -> Self {
        let mut lane = Self {
            rows: 1,
            placed: Vec::new(),
        };
        let mut taken: Vec<(i32, i32, i32)> = Vec::new();
        for item in items {
            let free = |row: i32, from: i32, to: i32| {
                taken
                    .iter()
                    .all(|&(of, a, b)| of != row || to <= a || b <= from)
            };
            let places = item.labels.iter().flat_map(|label| {
                let spots = spots(&item, Face::Plain.width(label));
                (0..ROWS).flat_map(move |row| spots.map(move |spot| (row, spot, label)))
            });
            let fitting = places
                .filter_map(|(row, spot, label)| Some((row, spot?, label)))
                .find(|&(row, x, label)| {
                    let (from, to) = extent(&item, Some((x, label)));
                    x >= left && x + Face::Plain.width(label) <= right && free(row, from, to)
                })
                .map(|(row, x, label)| (row, Some((x, label.clone()))));
            // If no label has room, the box goes to a row in which it covers no text.
            let bare = || (0..ROWS).find(|row| free(*row, item.left, item.right));
            let crowded = if item.beside { ROWS } else { 0 };
            let (row, label) = fitting.unwrap_or_else(|| (bare().unwrap_or(crowded), None));
            let beside = label.as_ref().map(|(x, text)| (*x, text));
            let (from, to) = extent(&item, beside);
            taken.push((row, from, to));
            lane.rows = lane.rows.max(row + 1);
            lane.placed.push(Placed { row, item, label });
        }
        lane
    }

    /// Whether nothing is in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// Pixels it takes from top to bottom.
    pub(super) const fn height(&self) -> i32 {
        self.rows * ROW
    }

    /// Draws it from a row of pixels on downwards.
    pub(super) fn draw(&self, top: i32, shapes: &mut Vec<Shape>) {
        for Placed { row, item, label } in &self.placed {
            let area = Area {
                left: item.left,
                top: top + row * ROW + 2,
                width: item.right - item.left,
                height: ROW - 4,
            };
            shapes.push(Shape::Fill {
                area,
                colour: item.colour,
            });
            if area.width > 2 {
                let inner = Area {
                    left: area.left + 1,
                    top: area.top + 1,
                    width: area.width - 2,
                    height: area.height - 2,
                };
                shapes.push(Shape::Fill {
                    area: inner,
                    colour: item.fill,
                });
            }
            if let Some((x, text)) = label {
                let behind = Area {
                    left: *x,
                    top: area.top,
                    width: Face::Plain.width(text),
                    height: area.height,
                };
                // Lines that come from above would go through the words.
                if behind.left >= area.right() || behind.right() <= area.left {
                    let colour = Colour::Paper;
                    shapes.push(Shape::Fill {
                        area: behind,
                        colour,
                    });
                }
                shapes.push(Shape::Text {
                    x: *x,
                    top: top + row * ROW + (ROW - Face::Plain.height()) / 2,
                    face: Face::Plain,
                    colour: Colour::Text,
                    text: text.clone(),
                });
            }
        }
    }
}

/// The columns that an item takes, with its label if it has one.
fn extent(item: &Item, label: Option<(i32, &String)>) -> (i32, i32) {
    let Some((x, text)) = label else {
        return (item.left, item.right);
    };
    let end = x + Face::Plain.width(text);
    if x >= item.left && end <= item.right {
        return (item.left, item.right);
    }
    (item.left.min(x - GAP), item.right.max(end + GAP))
}

/// The columns at which a label of this width may begin: in the box, after it, before it.
fn spots(item: &Item, width: i32) -> [Option<i32>; 3] {
    let inside = item.right - item.left >= width + 2 * PAD;
    [
        inside.then(|| item.left + PAD),
        item.beside.then(|| item.right + PAD),
        item.beside.then(|| item.left - PAD - width),
    ]
}

/// Pixels of a row, from top to bottom.
pub(super) const ROW: i32 = 24;
/// Rows with labels at most.
const ROWS: i32 = 4;
/// Pixels between a box and its label.
const PAD: i32 = 5;
/// Pixels between a label and the next item.
const GAP: i32 = 4;
