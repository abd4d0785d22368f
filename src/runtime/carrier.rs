//! By which of the two carriers the audio of calls comes: the PBX connects to us, or we to it.

use tracing::{info, warn};

use super::{
    error::SessionError,
    release::{has_websocket_media, polls_in_audiosocket},
};
use crate::{
    ari::{Access, MediaServer, MediaSettings, Pbx, Pulse, Rest, WebSockets},
    config::{Config, Media, ScreenMode},
};

/// What carries the audio of calls, both ways. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// The PBX's `AudioSocket()` connects to us.
    AudioSocket(MediaServer),
    /// We connect to the PBX's chan_websocket.
    WebSocket(WebSockets),
}

impl Carrier {
    /// Listens for the PBX's connections, if it may be that which is asked for.
    ///
    /// # Errors
    /// [`SessionError::Media`].
    pub(crate) fn prepare(
        config: &Config,
        pulse: &Pulse,
    ) -> Result<Option<MediaServer>, SessionError> {
        if config.screen.mode == ScreenMode::Dialplan || config.screen.media == Media::WebSocket {
            return Ok(None);
        }
        let bound = MediaServer::bind(&media_settings(config), Some(pulse.clone()));
        bound.map(Some).map_err(|source| SessionError::Media {
            listen: config.screen.listen.to_string(),
            source,
        })
    }

    /// The carrier in force; `None` if the dialplan is to screen, or has to.
    ///
    /// # Errors
    /// [`SessionError::Media`].
    pub(crate) async fn choose(
        config: &Config,
        pbx: &Pbx,
        server: Option<MediaServer>,
        pulse: &Pulse,
    ) -> Result<Option<Self>, SessionError> {
        if config.screen.mode == ScreenMode::Dialplan {
            return Ok(None);
        }
        let abilities = Abilities::of(&pbx.rest()).await;
        match (abilities.choose(config.screen.media), server) {
            (Ok(Media::WebSocket), _) => {
                info!("the audio of calls comes by chan_websocket");
                let made = WebSockets::new(pbx, Some(pulse.clone()));
                let made = made.map_err(|source| SessionError::Media {
                    listen: config.pbx.url.to_string(),
                    source,
                })?;
                Ok(Some(Self::WebSocket(made)))
            }
            (Ok(Media::AudioSocket | Media::Auto), server) => Ok(server.map(Self::AudioSocket)),
            (Err(why), _) => {
                warn!("{why}: the dialplan screens, and Aftertone listens to no call");
                Ok(None)
            }
        }
    }

    /// The server that the PBX is to connect to; `None` if we connect to the PBX.
    pub(crate) const fn server(&self) -> Option<&MediaServer> {
        match self {
            Self::AudioSocket(server) => Some(server),
            Self::WebSocket(_) => None,
        }
    }
}

/// Which carriers a PBX has.
#[derive(Clone, Debug)]
pub(crate) struct Abilities {
    /// Why it must not be `AudioSocket()`.
    no_audiosocket: Option<String>,
    /// The module is missing, without which `AudioSocket()` makes no connection, and the dialplan goes on.
    lacks_audiosocket: bool,
    /// Why it cannot be chan_websocket.
    no_websocket: Option<String>,
}

impl Abilities {
    /// Asks the PBX. What it does not say counts as there.
    pub(crate) async fn of(rest: &Rest) -> Self {
        let lacks = async |name| matches!(rest.module(name).await, Ok(None));
        let release = rest.asterisk_info().await.map(|info| info.system.version);
        let release = release.unwrap_or_default();
        Self::judge(
            &release,
            lacks("app_exec.so").await,
            lacks("app_audiosocket.so").await,
            lacks("chan_websocket.so").await,
        )
    }

    fn judge(release: &str, no_exec: bool, lacks_audiosocket: bool, no_chan: bool) -> Self {
        // Without it the dialplan would not come as far as to say that it cannot, and the call would end.
        let no_audiosocket = if no_exec {
            Some("the PBX does not run app_exec.so".to_owned())
        } else if polls_in_audiosocket(release) {
            Some(format!(
                "AudioSocket() of Asterisk {release} keeps a core busy for each call"
            ))
        } else {
            None
        };
        let no_websocket = if no_chan {
            Some("the PBX does not run chan_websocket.so".to_owned())
        } else if has_websocket_media(release) {
            None
        } else {
            Some(format!(
                "chan_websocket of Asterisk {release} cannot be listened to"
            ))
        };
        Self {
            no_audiosocket,
            lacks_audiosocket,
            no_websocket,
        }
    }

    /// The carrier in force if this one is asked for; never [`Media::Auto`].
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn choose(&self, asked: Media) -> Result<Media, &str> {
        let audiosocket = match &self.no_audiosocket {
            None => Ok(Media::AudioSocket),
            Some(why) => Err(why.as_str()),
        };
        let websocket = match &self.no_websocket {
            None => Ok(Media::WebSocket),
            Some(why) => Err(why.as_str()),
        };
        match asked {
            Media::AudioSocket => audiosocket,
            Media::WebSocket => websocket,
            Media::Auto if audiosocket.is_ok() && !self.lacks_audiosocket => audiosocket,
            Media::Auto => websocket.or(audiosocket),
        }
    }
}

/// The address to which the PBX brings the audio of calls, and the addresses that may.
pub(crate) fn media_settings(config: &Config) -> MediaSettings {
    let screen = &config.screen;
    MediaSettings {
        host: screen.listen.host,
        ports: screen.listen.ports.clone(),
        advertise: screen.advertise.clone(),
        access: Access {
            allow: screen.allow.clone(),
            pbx: Some(config.pbx.url.host().to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carrier_in_force() {
        use Media::{AudioSocket, Auto, WebSocket};
        // Release; app_exec, app_audiosocket, chan_websocket; what is asked for; what is in force.
        let rows = [
            ("22.10.1", [true, true, true], Auto, Some(AudioSocket)),
            (
                "22.10.1",
                [true, true, true],
                AudioSocket,
                Some(AudioSocket),
            ),
            ("22.10.1", [true, true, true], WebSocket, Some(WebSocket)),
            ("22.10.1", [true, false, true], Auto, Some(WebSocket)),
            ("22.10.1", [false, true, true], Auto, Some(WebSocket)),
            ("22.10.1", [false, true, true], AudioSocket, None),
            ("22.10.1", [true, true, false], WebSocket, None),
            ("22.10.1", [false, true, false], Auto, None),
            // The dialplan says itself that it cannot.
            ("22.10.1", [true, false, false], Auto, Some(AudioSocket)),
            ("20.4.0", [true, true, true], Auto, None),
            ("20.4.0", [true, true, true], WebSocket, None),
            ("22.5.0", [true, false, true], Auto, Some(AudioSocket)),
            ("", [true, false, true], Auto, Some(WebSocket)),
        ];
        for (release, [exec, audiosocket, chan], asked, in_force) in rows {
            let abilities = Abilities::judge(release, !exec, !audiosocket, !chan);
            let chosen = abilities.choose(asked);
            assert_eq!(chosen.ok(), in_force, "{release} {asked:?} {abilities:?}");
        }
    }
}
