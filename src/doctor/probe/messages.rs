//! Whether the PBX can play the messages that are prepared.

use super::Probe;
use crate::{
    doctor::check::{Check, unanswered},
    drop::{Event, PlaybackEnd},
    id::{Play, PlaybackId},
};

impl Probe<'_> {
    /// Has the PBX open each prepared message. `None` if there is none.
    pub(super) async fn messages(&mut self) -> Option<Check> {
        let pbx = &self.config.pbx;
        let library = self.config.messages().library();
        let listed = library.and_then(|library| library.list());
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                let folder = pbx.sounds_dir.display();
                return Some(Check::fail(
                    NAME,
                    format!("the messages in {folder} cannot be listed: {error}"),
                    "let this user read `pbx.sounds_dir`",
                ));
            }
        };
        // The PBX plays no clip by itself.
        let messages = listed.iter().filter(|(name, _)| name.folder().is_none());
        let (mut broken, mut unplayed, mut tried) = (Vec::new(), Vec::new(), 0);
        for (at, (name, shown)) in messages.enumerate().take(MOST) {
            let message = match shown {
                Ok(message) => message,
                Err(error) => {
                    broken.push(error.to_string());
                    continue;
                }
            };
            tried += 1;
            let play = PlaybackId {
                run: self.channel.run.clone(),
                drop: self.channel.drop,
                play: Play(FIRST + u32::try_from(at).unwrap_or_default()),
            };
            if let Err(failure) = self
                .rest
                .try_media(&self.channel, &play, &message.media)
                .await
            {
                return Some(unanswered(NAME, &failure));
            }
            let this = play.play;
            let heard = self.hear(|event| {
                let Event::PlaybackFinished { play, end, .. } = event else {
                    return None;
                };
                (play == this).then_some(end)
            });
            if heard.await != Some(PlaybackEnd::Done) {
                unplayed.push(name.to_string());
            }
        }
        judge(
            &broken,
            &unplayed,
            tried,
            &pbx.sounds_dir.display().to_string(),
        )
    }
}

fn judge(broken: &[String], unplayed: &[String], tried: usize, folder: &str) -> Option<Check> {
    if let Some(first) = broken.first() {
        let others = others(broken.len());
        return Some(Check::fail(
            NAME,
            format!("a prepared message cannot be read: {first}{others}"),
            "let this user read the file (`chmod 644`), or prepare it again with `aftertone message add NAME FILE --replace`",
        ));
    }
    if let Some(first) = unplayed.first() {
        let others = others(unplayed.len());
        return Some(Check::fail(
            NAME,
            format!("the PBX cannot play the message `{first}`{others}"),
            format!(
                "let the PBX's user read it: `chmod 644 {folder}/{first}.*`; or prepare it again with `aftertone message add {first} FILE --replace`"
            ),
        ));
    }
    (tried > 0).then(|| {
        Check::ok(
            NAME,
            format!("the PBX can play all {tried} prepared messages"),
        )
    })
}

fn others(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " (and 1 more)".to_owned(),
        more => format!(" (and {} more)", more - 1),
    }
}

const NAME: &str = "messages";

/// More messages than this are not tried: the test call has an end.
const MOST: usize = 200;

/// The number of the first playback; those before it are the probe's own.
const FIRST: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn one_line_says_what_is_wrong_with_the_messages() {
        let words = |broken: &[&str], unplayed: &[&str], tried| {
            let owned = |of: &[&str]| -> Vec<_> { of.iter().map(ToString::to_string).collect() };
            let check = judge(&owned(broken), &owned(unplayed), tried, "/s")?;
            Some((check.status, check.detail))
        };
        assert_eq!(words(&[], &[], 0), None);
        assert_eq!(words(&[], &[], 2).unwrap().0, Status::Ok);
        let (status, detail) = words(&[], &["spring", "autumn", "winter"], 5).unwrap();
        assert_eq!(status, Status::Fail);
        assert_eq!(
            detail,
            "the PBX cannot play the message `spring` (and 2 more)"
        );
        let (status, detail) = words(&["x is torn"], &["spring"], 5).unwrap();
        assert_eq!(status, Status::Fail);
        assert_eq!(detail, "a prepared message cannot be read: x is torn");
    }
}
