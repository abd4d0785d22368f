//! Pages with blocks that are made from the program.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

/// A page as it is.
pub(crate) struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// Reads a page; one that is not there is empty.
    pub(crate) fn read(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            text: fs::read_to_string(path).unwrap_or_default(),
        }
    }

    /// The page with its blocks made anew, and their names.
    pub(crate) fn with(&self, made: &BTreeMap<&'static str, String>) -> (String, Vec<String>) {
        let (mut text, mut names) = (String::new(), Vec::new());
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let (name, after) = after
                .split_once(" -->\n")
                .expect("a marker ends in ` -->` and a line end");
            let block = made
                .get(name)
                .unwrap_or_else(|| panic!("{}: no block is called `{name}`", self.path.display()));
            let (_, after) = after
                .split_once(END)
                .unwrap_or_else(|| panic!("{}: `{name}` has no end", self.path.display()));
            text += &format!("{before}{BEGIN}{name} -->\n\n{}\n\n{END}", block.trim());
            names.push(name.to_owned());
            rest = after;
        }
        (text + rest, names)
    }

    /// Writes the page as it should be if that is asked for; otherwise says what is not current.
    pub(crate) fn keep(&self, text: &str) -> Option<String> {
        if self.text == text {
            return None;
        }
        if is_update() {
            fs::write(&self.path, text).unwrap();
            return None;
        }
        let pairs = self.text.lines().zip(text.lines()).enumerate();
        let mut differing = pairs.filter(|(_, (is, should))| is != should);
        let first = match differing.next() {
            Some((at, (is, should))) => {
                format!("line {}\n  is      {is}\n  should  {should}", at + 1)
            }
            None => "its length differs".to_owned(),
        };
        Some(format!(
            "{} is not current: {first}\nhint: `UPDATE_DOCS=1 cargo test --test docs` writes it anew",
            self.path.display()
        ))
    }
}

/// Whether pages are written anew.
pub(crate) fn is_update() -> bool {
    env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty() && value != "0")
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Markdown files below a folder, sorted; hidden folders and what is built are left out.
pub(crate) fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() {
                if !["target", "node_modules"].contains(&&*name) && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A table's row in Markdown.
pub(crate) fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().map(cell).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A text as it may be in a cell: on one line, and without what would end the cell.
fn cell(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

/// A table's head in Markdown.
pub(crate) fn head<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().collect();
    format!(
        "{}|{}\n",
        row(cells.iter().copied()),
        "---|".repeat(cells.len())
    )
}

/// A text with what Markdown would take for a tag made plain, but in code.
pub(crate) fn prose(text: &str) -> String {
    let parts: Vec<_> = text
        .split('`')
        .enumerate()
        .map(|(at, part)| {
            if at % 2 == 0 {
                part.replace('<', "&lt;").replace('>', "&gt;")
            } else {
                part.to_owned()
            }
        })
        .collect();
    parts.join("`")
}

const BEGIN: &str = "<!-- made: ";

const END: &str = "<!-- made: end -->";
