//! How words become speech.

use std::time::Duration;

/// How words become speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechSettings {
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// The voice of parts that name none; what `{voice}` in the arguments stands for.
    pub voice: String,
    /// Most commands at once, 1 to 16.
    pub at_once: usize,
    /// How long a command may take, 1 s to 5 min.
    pub timeout: Duration,
    /// After which time without use speech is made again, 1 h to 10 years.
    pub keep: Duration,
}

impl SpeechSettings {
    /// How long speech is kept without use, unless configured otherwise.
    pub const KEEP: Duration = Duration::from_secs(30 * 86_400);

    /// Whether the command is told which voice to speak with.
    pub fn takes_voice(&self) -> bool {
        self.has(VOICE)
    }

    /// The first thing in braces in its arguments that stands for nothing.
    pub fn unknown_placeholder(&self) -> Option<&str> {
        let known = [VOICE, OUTPUT, TEXT_FILE];
        let arguments = self.command.iter().skip(1);
        let mut named = arguments.flat_map(|argument| placeholders(argument));
        named.find(|word| !known.contains(word))
    }

    /// The program's name, without its folder.
    pub fn program(&self) -> &str {
        let program = self.command.first().map_or("", String::as_str);
        program.rsplit('/').next().unwrap_or(program)
    }

    /// Whether a word that stands for something is in its arguments.
    pub(super) fn has(&self, word: &str) -> bool {
        self.command.iter().any(|part| part.contains(word))
    }
}

/// What looks like a placeholder in an argument: a word of lower case letters and `_` in braces, with these.
fn placeholders(argument: &str) -> impl Iterator<Item = &str> {
    argument.match_indices('{').filter_map(|(start, _)| {
        let rest = &argument[start..];
        let word = rest.get(..=rest.find('}')?)?;
        let name = &word[1..word.len() - 1];
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        (!name.is_empty() && name.bytes().all(fits)).then_some(word)
    })
}

/// A text to say.
pub(in crate::audio) struct SaidText {
    /// The text, on one line.
    pub(in crate::audio) text: String,
    /// The voice; `None`: the configured one.
    pub(in crate::audio) voice: Option<String>,
    /// Whether the text has something of a person in it.
    pub(in crate::audio) is_personal: bool,
}

/// What the voice stands for in an argument.
pub(super) const VOICE: &str = "{voice}";

/// What the file to write stands for.
pub(super) const OUTPUT: &str = "{output}";

/// What a file with the text stands for.
pub(super) const TEXT_FILE: &str = "{text_file}";
