//! The tables: sizes, ranges, and what has no figure.

use super::scoring::{call, mailbox};
use crate::{
    corpus::Label,
    score::Record,
    system::System,
    table::{self, Sheet},
};

fn sheet(corpus: &str, records: Vec<Record>) -> Sheet {
    Sheet {
        corpus: corpus.to_owned(),
        no_beep: Some(15.0),
        records,
        load: None,
    }
}

fn row<'a>(text: &'a str, name: &str) -> &'a str {
    let start = format!("| {name}");
    text.lines()
        .find(|line| line.starts_with(&start))
        .unwrap_or_else(|| panic!("no row {name} in\n{text}"))
}

#[test]
fn a_figure_comes_with_its_range_and_its_size() {
    let heard = |played| call(Label::Human, "h_hello", "human", played, 5.5);
    let sheets = [
        sheet("seed1", vec![heard(true), heard(false)]),
        sheet("seed2", vec![heard(false), heard(false)]),
    ];
    let text = table::markdown(&sheets, Some(2_345));
    assert_eq!(
        row(&text, "people who hear any of it, business"),
        "| people who hear any of it, business greetings left out (%) | 25.0 (0.0 to 50.0; n 4) | <= 0.5 |"
    );
    assert!(row(&text, "all machines, first call").contains("| - |"));
    assert!(row(&text, "streams a core").contains("| 2345 |"));
    assert!(text.starts_with("Offline"));
    let one = table::markdown(&sheets[..1], None);
    assert!(row(&one, "people who hear any of it, business").contains("| 50.0 (n 2) |"));
    assert!(row(&one, "streams a core").contains("| - |"));
}

#[test]
fn each_setting_has_a_column_and_each_kind_and_noise_a_row() {
    let mut other = call(Label::Human, "h_name", "human", false, 5.5);
    other.item.noise = "babble".to_owned();
    let mut set = other.clone();
    set.settings = Some("hold_short=1".to_owned());
    set.first_s = Some(5.0);
    let mut echo = other.clone();
    echo.system = System::Echo;
    let first = call(Label::Human, "h_hello", "human", false, 5.5);
    let text = table::markdown(&[sheet("seed1", vec![set, other, first, echo])], None);
    assert!(text.contains("| | aftertone `listen` | aftertone `listen`, `hold_short=1` | goal |"));
    assert_eq!(
        row(&text, "people who hear any of it: in babble noise"),
        "| people who hear any of it: in babble noise | 0 of 1 | 1 of 1 |"
    );
    assert_eq!(
        row(&text, "people who hear any of it: h_hello"),
        "| people who hear any of it: h_hello | 0 of 1 | - |"
    );
}

#[test]
fn the_curve_has_a_line_for_each_column_and_each_share() {
    let records = |played: bool| {
        let mut without = mailbox(played.then_some(5.2), played.then_some(5.2), &[]);
        without.item.beep = None;
        vec![without, call(Label::Human, "h_hello", "human", false, 5.5)]
    };
    let text = table::curve(&[
        (Some(0.0), vec![sheet("seed1", records(true))]),
        (Some(30.0), vec![sheet("seed1", records(false))]),
    ]);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("| aftertone `listen` | 0 | 0.0 | 0.0 | 0.0 | - | 100.0 | 100.0 |")
    );
    assert!(lines[1].starts_with("| aftertone `listen` | 30 | 0.0 | 0.0 | 0.0 | - | 0.0 | 0.0 |"));
}
