//! A recording's name as a picture may show it.

/// The name without what might be a phone number, and without characters that the picture's font does not hold.
///
/// Seven digits and more with at most two separators between each make a number (the shortest subscriber numbers with an
/// area code have seven); all but the last two become `x`. Dates fall under it, too: better one date less than one number more.
pub(super) fn presentable(name: &str) -> String {
    let mut chars: Vec<char> = name.chars().map(drawable).collect();
    let digits: Vec<usize> = (0..chars.len())
        .filter(|n| chars[*n].is_ascii_digit())
        .collect();
    let torn = |a: &usize, b: &usize| {
        let between = &chars[*a + 1..*b];
        between.len() > 2 || !between.iter().all(|char| " +-._()/".contains(*char))
    };
    let runs = digits.chunk_by(|a, b| !torn(a, b));
    let masked: Vec<usize> = runs
        .filter(|run| run.len() >= SHORTEST_NUMBER)
        .flat_map(|run| run[..run.len() - SHOWN].iter().copied())
        .collect();
    for n in masked {
        chars[n] = 'x';
    }
    chars.into_iter().collect()
}

/// ASCII and Latin-1 as they are; digits of other scripts, controls and all the rest as a question mark.
pub(super) const fn drawable(char: char) -> char {
    match char {
        ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' => char,
        _ => '?',
    }
}

const SHORTEST_NUMBER: usize = 7;
/// Digits of a number that may be seen.
const SHOWN: usize = 2;
