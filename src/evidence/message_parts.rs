//! What a message was made of that was made for one person.

use serde::{Deserialize, Serialize};

use crate::audio::PartLeft;

/// What a message was made of. It is of a person, but for voices and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageParts {
    /// What a person would read: spoken text as it is, recordings by their names in brackets.
    words: Words,
    /// Its parts, in order.
    parts: Vec<PartLeft>,
    /// What the law asks for, if a machine spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Text that no log shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Words(String);

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} characters", self.0.chars().count())
    }
}

impl MessageParts {
    /// Of a message with these parts.
    pub fn of(parts: Vec<PartLeft>) -> Self {
        let words: Vec<_> = parts
            .iter()
            .map(|part| match part {
                PartLeft::Prepared { name } | PartLeft::Clip { name } => format!("[{name}]"),
                PartLeft::Speech { text, .. } => text.clone(),
            })
            .collect();
        let is_speech = |part: &PartLeft| matches!(part, PartLeft::Speech { .. });
        Self {
            words: Words(words.join(" ")),
            note: parts.iter().any(is_speech).then(|| SPEECH.to_owned()),
            parts,
        }
    }

    /// The same for people, a line for the words and one for each part that a machine spoke.
    pub fn lines(&self) -> Vec<String> {
        let spoken = self.parts.iter().filter_map(|part| match part {
            PartLeft::Speech { voice, program, .. } if voice.is_empty() => {
                Some(format!("spoken by {program}"))
            }
            PartLeft::Speech { voice, program, .. } => {
                Some(format!("spoken by {program}, voice {voice}"))
            }
            PartLeft::Prepared { .. } | PartLeft::Clip { .. } => None,
        });
        let mut lines = vec![self.words.0.clone()];
        for line in spoken.chain(self.note.clone()) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// What is said of speech of a machine.
const SPEECH: &str =
    "a machine spoke: it takes the same consent as a recording, also if the voice is a cloned one";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_spoke_is_told_with_its_voice_and_what_that_takes() {
        let speech = |voice: &str| PartLeft::Speech {
            text: "on 3 May".to_owned(),
            voice: voice.to_owned(),
            program: "espeak-ng".to_owned(),
        };
        let clip = PartLeft::Clip {
            name: "names/ann".to_owned(),
        };
        let parts = MessageParts::of(vec![clip.clone(), speech("en-gb")]);
        assert_eq!(
            parts.lines(),
            [
                "[names/ann] on 3 May",
                "spoken by espeak-ng, voice en-gb",
                SPEECH
            ]
        );
        let json = serde_json::to_value(&parts).unwrap();
        assert_eq!(json["parts"][1]["voice"], "en-gb");
        assert_eq!(serde_json::from_value::<MessageParts>(json).unwrap(), parts);
        assert!(!format!("{parts:?}").contains("May"), "{parts:?}");
        let silent = MessageParts::of(vec![clip]);
        assert_eq!(silent.lines(), ["[names/ann]"]);
    }
}
