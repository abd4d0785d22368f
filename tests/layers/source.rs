//! Rust sources as tokens: as much of the grammar as it takes to find names and to leave out what is no code.

/// A word or a sign.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// The words and signs of a source, without comments, texts and characters; `::` is one sign.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => comment_end(&chars, at),
            '"' => text_end(&chars, at),
            '\'' => character_end(&chars, at),
            c if c.is_alphanumeric() || c == '_' => {
                let end = word_end(&chars, at);
                let word: String = chars[at..end].iter().collect();
                let raw = raw_text_end(&chars, end);
                match (word.as_str(), chars.get(end)) {
                    ("r" | "br" | "cr", Some('"' | '#')) if raw.is_some() => {
                        raw.expect("just seen to be there")
                    }
                    _ => {
                        tokens.push(Token { text: word, line });
                        end
                    }
                }
            }
            ':' if chars.get(at + 1) == Some(&':') => {
                tokens.push(Token {
                    text: "::".to_owned(),
                    line,
                });
                at + 2
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token {
                        text: c.to_string(),
                        line,
                    });
                }
                at + 1
            }
        };
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

fn line_end(chars: &[char], at: usize) -> usize {
    let rest = chars[at..].iter().position(|c| *c == '\n');
    rest.map_or(chars.len(), |length| at + length)
}

fn comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn text_end(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of a raw text whose hashes or quote begin here; `None` if none begins (`r#type`).
fn raw_text_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.resize(1 + hashes, '#');
    let body = at + hashes + 1;
    let length = chars[body..]
        .windows(close.len())
        .position(|window| window == close)?;
    Some(body + length + close.len())
}

/// The end of a character; of a lifetime only its quote is taken.
fn character_end(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let rest = chars[(at + 3).min(chars.len())..].iter();
        return rest
            .take(10)
            .position(|c| *c == '\'')
            .map_or(at + 1, |length| at + 4 + length);
    }
    if chars.get(at + 2) == Some(&'\'') {
        return at + 3;
    }
    at + 1
}

fn word_end(chars: &[char], at: usize) -> usize {
    let word = |c: &&char| c.is_alphanumeric() || **c == '_';
    at + chars[at..].iter().take_while(word).count()
}

/// Leaves out every item under `#[cfg(test)]`.
pub(super) fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tokens.len() >= at + ATTRIBUTE.len()
            && ATTRIBUTE
                .iter()
                .zip(&tokens[at..])
                .all(|(sign, token)| *sign == token.text);
        if is_test {
            at = item_end(&tokens, at + ATTRIBUTE.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The modules in files of their own that are compiled for tests only: `#[cfg(test)] mod fixture;`.
pub(super) fn test_modules(tokens: &[Token]) -> Vec<String> {
    let kept = without_tests(tokens.to_vec());
    let declared = |tokens: &[Token]| -> Vec<String> {
        tokens
            .windows(3)
            .filter(|t| t[0].text == "mod" && t[2].text == ";")
            .map(|t| t[1].text.clone())
            .collect()
    };
    let compiled = declared(&kept);
    let all = declared(tokens).into_iter();
    all.filter(|name| !compiled.contains(name)).collect()
}

/// The end of an item: behind its `;`, or behind the brace that closes it if that is no `use {..};`.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        let is_use = tokens[start].text == "use";
        let closed = token.text == ";" || (token.text == "}" && !is_use);
        if depth == 0 && closed {
            return at + 1;
        }
    }
    tokens.len()
}
