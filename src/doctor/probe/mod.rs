//! A call within the PBX, from it to itself: it shows that events arrive, which contexts there are, that the PBX can
//! read what is written into the folder of messages, and, if the mode is to listen, that it connects with audio.

mod files;
mod messages;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::{error::Elapsed, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    check::{Check, Status, unanswered},
    trunk::Trunk,
};
use crate::{
    ari::{
        AidDid, Connection, Events, Failure, FromCall, Incoming, MediaServer, Notice, Order,
        Originate, Pbx, Rest, WebSockets,
    },
    config::{Config, Media, ScreenMode},
    drop::{Event, PlaybackEnd},
    id::{ChannelId, DropId, Play, PlaybackId, Role, RunName},
    runtime::{
        call::{LIMIT, NO_CDR},
        carrier::{Abilities, media_settings},
        executor::LISTEN_CONTEXT,
        listener::{AMD_CONTEXT, TapChannels},
        release::polls_in_audiosocket,
        session::app_of,
    },
    words::Leg,
};

/// Makes the call and reports what it shows.
pub(super) async fn check(
    pbx: &Pbx,
    config: &Config,
    run: &RunName,
    may_listen: bool,
    trunk: Trunk,
    report: &mut impl FnMut(Check),
) {
    let app = app_of(&config.pbx.app, run);
    let events = match pbx.listen(&app, run).await {
        Ok(events) => events,
        Err(error) => {
            report(Check::fail(
                EVENTS,
                format!("the event websocket cannot be opened: {error}"),
                "load res_ari_events.so and res_http_websocket.so; a proxy in between must pass websockets on",
            ));
            report(trunk.afar());
            return;
        }
    };
    let mut probe = Probe {
        rest: pbx.rest(),
        config,
        app,
        channel: ChannelId::leg(run.clone(), DropId::generate(), Leg::Drop),
        events,
    };
    if probe.run(pbx, may_listen, report).await {
        report(trunk.closely(&probe.rest, &probe.channel.to_string()).await);
        probe.files().await.into_iter().for_each(report);
    } else {
        report(trunk.afar());
    }
    probe.end().await;
}

struct Probe<'a> {
    rest: Rest,
    config: &'a Config,
    app: String,
    channel: ChannelId,
    events: Events,
}

/// The result of the call.
enum ProbeCall {
    /// It was answered and waits in our app.
    Entered,
    /// It ended at once: there is no such context.
    Gone,
    /// No event of it came.
    Unheard,
}

impl Probe<'_> {
    /// Tries what a call within the PBX shows. Returns whether there is such a call, on which more can be asked.
    async fn run(&mut self, pbx: &Pbx, may_listen: bool, report: &mut impl FnMut(Check)) -> bool {
        if let Err(failure) = self.rest.originate(&self.call()).await {
            report(unanswered(EVENTS, &failure));
            return false;
        }
        match self.answered().await {
            ProbeCall::Entered => {
                report(Check::ok(
                    EVENTS,
                    "the websocket brings the events of a call",
                ));
            }
            ProbeCall::Gone => {
                report(Check::ok(
                    EVENTS,
                    "the websocket brings the events of a call",
                ));
                report(Check::fail(
                    CONTEXTS,
                    format!(
                        "the context `{PROBE_CONTEXT}` is missing, so the remaining checks cannot be made"
                    ),
                    INCLUDE,
                ));
                return false;
            }
            ProbeCall::Unheard => {
                report(Check::fail(
                    EVENTS,
                    "the websocket is open, but the events of a call do not come",
                    "see the PBX's log; a proxy in between must pass websockets on without delay",
                ));
                return false;
            }
        }
        report(self.contexts().await);
        let sounds = self.sounds().await;
        let playable = sounds.status == Status::Ok;
        report(sounds);
        if playable && let Some(messages) = self.messages().await {
            report(messages);
        }
        if may_listen {
            report(self.live_audio(pbx).await);
        }
        true
    }

    fn call(&self) -> Originate {
        let limit = CALL_LIMIT.as_secs().to_string();
        Originate {
            by: None,
            unless: CancellationToken::new(),
            channel: self.channel.clone(),
            endpoint: format!("Local/s@{PROBE_CONTEXT}"),
            caller_id: self.config.pbx.caller_id.as_str().to_owned(),
            app: self.app.clone(),
            app_args: self.channel.drop.to_string(),
            timeout: CALL_LIMIT,
            variables: BTreeMap::from([
                (LIMIT.to_owned(), limit),
                (NO_CDR.to_owned(), "1".to_owned()),
            ]),
        }
    }

    async fn answered(&mut self) -> ProbeCall {
        let call = self.hear(|event| {
            let entered = matches!(event, Event::Entered(_)).then_some(ProbeCall::Entered);
            entered.or(matches!(event, Event::Gone { .. }).then_some(ProbeCall::Gone))
        });
        call.await.unwrap_or(ProbeCall::Unheard)
    }

    async fn contexts(&self) -> Check {
        let context = &self.config.pbx.context;
        let mut needed = vec![(context.as_str(), "s")];
        if self.config.screen.mode == ScreenMode::Listen {
            needed.extend([
                (context.as_str(), "wait"),
                (LISTEN_CONTEXT, "s"),
                (AMD_CONTEXT, "s"),
            ]);
        }
        for (context, extension) in &needed {
            let asked = format!("DIALPLAN_EXISTS({context},{extension},1)");
            match self.rest.variable(&self.channel.to_string(), &asked).await {
                Ok(Some(found)) if found.trim() == "1" => {}
                Ok(Some(_)) => {
                    return Check::fail(
                        CONTEXTS,
                        format!(
                            "the context `{context}` is missing, or has no extension {extension}"
                        ),
                        INCLUDE,
                    );
                }
                Ok(None) => {
                    return Check::warn(
                        CONTEXTS,
                        format!("cannot find out whether the context `{context}` exists"),
                        "load func_dialplan.so",
                    );
                }
                Err(failure) => return unanswered(CONTEXTS, &failure),
            }
        }
        let mut there: Vec<_> = needed.iter().map(|(context, _)| *context).collect();
        there.push(PROBE_CONTEXT);
        there.dedup();
        Check::ok(
            CONTEXTS,
            format!("`{}` are in the dialplan", there.join("`, `")),
        )
    }

    /// Tries the configured carrier of live audio.
    async fn live_audio(&mut self, pbx: &Pbx) -> Check {
        let abilities = Abilities::of(&self.rest).await;
        match abilities.choose(self.config.screen.media) {
            Ok(Media::WebSocket) => self.websocket(pbx).await,
            Err(why) if self.config.screen.media == Media::WebSocket => Check::warn(
                LIVE_AUDIO,
                format!("{why}, so the dialplan screens instead"),
                "load chan_websocket.so (20.16, 21.11, 22.6, 23.0 and later have one that fits), or set `screen.media` to \
                 `audiosocket`",
            ),
            Ok(Media::AudioSocket | Media::Auto) | Err(_) => self.audiosocket().await,
        }
    }

    /// Connects to a channel of chan_websocket, and joins the call with it.
    async fn websocket(&mut self, pbx: &Pbx) -> Check {
        let sockets = match WebSockets::new(pbx, None) {
            Ok(sockets) => sockets,
            Err(error) => return Check::fail(LIVE_AUDIO, error.to_string(), "try again"),
        };
        let rig = TapChannels {
            rest: self.rest.clone(),
            sockets,
            app: self.app.clone(),
            leg: self.channel.clone(),
            lasts: CALL_LIMIT,
            entered: Arc::default(),
        };
        let opened = self.open(&rig).await;
        rig.end().await;
        match opened {
            Ok(_) => Check::ok(
                LIVE_AUDIO,
                format!("a call is connected by chan_websocket of {}", pbx.address()),
            ),
            Err(why) => Check::fail(
                LIVE_AUDIO,
                format!("a call cannot be connected by chan_websocket: {why}"),
                "load chan_websocket.so and res_http_websocket.so, and set http.conf's `sessionlimit` to more than two for each \
                 call; or set `screen.media` to `audiosocket`",
            ),
        }
    }

    async fn open(&mut self, rig: &TapChannels) -> Result<Connection, String> {
        let events = &mut self.events;
        let entered = async {
            while let Some(incoming) = events.next().await {
                if let Incoming::Notice(Notice::Aid { channel, did }) = incoming
                    && channel.role == Role::Tap
                    && did == AidDid::Entered
                {
                    rig.entered.notify_one();
                }
            }
            Err("the events of the PBX have stopped".to_owned())
        };
        tokio::select! {
            opened = rig.open() => opened,
            ended = entered => ended,
        }
    }

    /// Has the call connect its audio to the listening address, and says goodbye after a moment.
    async fn audiosocket(&mut self) -> Check {
        let screen = &self.config.screen;
        let media = match MediaServer::bind(&media_settings(self.config), None) {
            Ok(media) => media,
            Err(error) => {
                return Check::fail(
                    LIVE_AUDIO,
                    format!("cannot listen on {}: {error}", screen.listen),
                    "set `screen.listen` to an address of this machine, or `screen.mode` to `dialplan`",
                );
            }
        };
        let address = media.address().to_owned();
        let parted = match self.connect(&media).await {
            Ok(true) => self.parted().await,
            Ok(false) if media.counts().stranger > 0 => {
                return Check::fail(
                    LIVE_AUDIO,
                    "the PBX connects from an address that is not allowed",
                    "add its address or network to `screen.allow`",
                );
            }
            Ok(false) => {
                return Check::fail(
                    LIVE_AUDIO,
                    format!("the PBX does not connect to {address}"),
                    "set `screen.listen` to an address that the PBX can reach, and `screen.advertise` to the same as the PBX \
                     sees it (container, other machine); load app_audiosocket.so, res_audiosocket.so and app_exec.so; or set \
                     `screen.mode = \"dialplan\"`",
                );
            }
            Err(failure) => return unanswered(LIVE_AUDIO, &failure),
        };
        let said = self.rest.asterisk_info().await;
        let release = said.map(|info| info.system.version).unwrap_or_default();
        if polls_in_audiosocket(&release) {
            return Check::warn(
                LIVE_AUDIO,
                format!(
                    "`AudioSocket()` of Asterisk {release} keeps a core of the PBX busy for each call, so the dialplan \
                     screens instead"
                ),
                "update to 18.20, 20.5 or later",
            );
        }
        match parted {
            Some(true) => Check::ok(
                LIVE_AUDIO,
                format!("the PBX connects a call to {address} and takes it back"),
            ),
            // Older releases treat a goodbye as a failure; they also end a call if the network delays a part of a frame.
            Some(false) if screen.listen.host.is_loopback() => Check::ok(
                LIVE_AUDIO,
                format!("the PBX connects a call to {address} and takes it back"),
            ),
            Some(false) => Check::warn(
                LIVE_AUDIO,
                format!(
                    "the PBX connects a call to {address}; `AudioSocket()` of Asterisk {release} ends a call if the network \
                     delays a part of a frame"
                ),
                "update to 20.20.1, 22.10.1 or 23.4.1, or later, if aftertone is not on the PBX's machine or its LAN",
            ),
            None => Check::fail(
                LIVE_AUDIO,
                format!("the PBX connects a call to {address}, but does not take it back"),
                "compare the context `aftertone-listen` with asterisk-conf/pbx/extensions_aftertone.conf",
            ),
        }
    }

    /// Sends the call into the context that connects its audio, and says goodbye; returns whether it connected.
    async fn connect(&mut self, media: &MediaServer) -> Result<bool, Failure> {
        let uuid = Uuid::new_v4();
        let mut expected = media.expect(uuid);
        let limit = CALL_LIMIT.as_secs().to_string();
        let variables = [
            ("AFTERTONE_APP", self.app.clone()),
            ("AFTERTONE_DROP", self.channel.drop.to_string()),
            ("AFTERTONE_LIMIT", limit),
            ("AFTERTONE_EARS", media.address().to_owned()),
            ("AFTERTONE_UUID", uuid.to_string()),
        ];
        self.rest
            .set_variables_of(&self.channel.to_string(), &variables)
            .await?;
        self.rest
            .continue_in(&self.channel, LISTEN_CONTEXT, "s", 1)
            .await?;
        let Ok(mut connection) = timeout(PATIENCE, expected.come()).await else {
            return Ok(false);
        };
        sleep(MOMENT).await;
        connection.order(Order::Goodbye);
        let ended = async { while !matches!(connection.next().await, FromCall::Ended(_)) {} };
        // The call's return shows whether it took the goodbye.
        let _ = timeout(PATIENCE, ended).await;
        Ok(true)
    }

    /// Whether the returned call ended its audio as releases do that treat a goodbye as success; `None` if it did not return.
    async fn parted(&mut self) -> Option<bool> {
        self.hear(|event| matches!(event, Event::Returned(_)).then_some(()))
            .await?;
        let channel = self.channel.to_string();
        let status = self.rest.variable(&channel, "TRYSTATUS").await;
        // The dialplan has left it a few seconds, but more checks use it.
        let limit = CALL_LIMIT.as_secs().to_string();
        let _ = self.rest.set_variable(&self.channel, LIMIT, &limit).await;
        Some(status.ok().flatten().as_deref() == Some("SUCCESS"))
    }

    async fn sounds(&mut self) -> Check {
        let folder = &self.config.pbx.sounds_dir;
        let name = format!("once-{}-{}", self.channel.run, self.channel.drop);
        let file = match ProbeFile::write(folder, &name) {
            Ok(file) => file,
            Err(error) => {
                return Check::fail(
                    SOUNDS,
                    format!("no file can be written in {}: {error}", folder.display()),
                    format!(
                        "make `pbx.sounds_dir` a folder that this user may write to and the PBX may read: \
                         `install -d -o $USER -g asterisk -m 2750 {}`",
                        folder.display()
                    ),
                );
            }
        };
        let there = self.config.pbx.pbx_sounds_dir.join(&name);
        let play = PlaybackId {
            run: self.channel.run.clone(),
            drop: self.channel.drop,
            play: Play(1),
        };
        let media = format!("sound:{}", there.display());
        if let Err(failure) = self.rest.play(&self.channel, &play, &media).await {
            return unanswered(SOUNDS, &failure);
        }
        let heard = self.hear(|event| {
            let Event::PlaybackFinished { end, .. } = event else {
                return None;
            };
            Some(end)
        });
        let end = heard.await;
        drop(file);
        match end {
            Some(PlaybackEnd::Done) => Check::ok(
                SOUNDS,
                format!("the PBX plays what is written into {}", folder.display()),
            ),
            Some(PlaybackEnd::Failed) => {
                let mut detail = format!(
                    "the PBX cannot play a file written into {} as {}.wav",
                    folder.display(),
                    there.display()
                );
                let remedy = "let the PBX's user read the folder and all above it; if the PBX sees the folder by another path \
                     (container, chroot), set `pbx.pbx_sounds_dir` to that path";
                if self.config.screen.mode == ScreenMode::Listen {
                    detail.push_str(
                        ": a call that falls back to the dialplan cannot play its message",
                    );
                    Check::warn(SOUNDS, detail, remedy)
                } else {
                    Check::fail(SOUNDS, detail, remedy)
                }
            }
            None => Check::fail(
                SOUNDS,
                "the PBX did not report the end of a test playback",
                "see the PBX's log",
            ),
        }
    }

    /// Waits for an event that `wanted` takes; `None` if it does not come in time.
    async fn hear<T>(&mut self, wanted: impl Fn(Event) -> Option<T>) -> Option<T> {
        let drop = self.channel.drop;
        let events = &mut self.events;
        let heard = async {
            loop {
                if let Incoming::Notice(Notice::Drop { drop: of, event }) = events.next().await?
                    && of == drop
                    && let Some(found) = wanted(event)
                {
                    return Some(found);
                }
            }
        };
        timeout(PATIENCE, heard)
            .await
            .unwrap_or_else(|Elapsed { .. }| None)
    }

    /// Ends the call and the websocket.
    async fn end(self) {
        self.hang_up(&self.channel).await;
        self.events.close().await;
    }

    async fn hang_up(&self, channel: &ChannelId) {
        if let Err(failure) = self.rest.hang_up(&channel.to_string()).await {
            tracing::warn!(
                %channel,
                detail = failure.detail,
                "the test call cannot be hung up; the pbx ends it within {} s",
                CALL_LIMIT.as_secs()
            );
        }
    }
}

/// A sound file that lives as long as its value.
struct ProbeFile(PathBuf);

impl ProbeFile {
    fn write(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}.wav"));
        let file = Self(path);
        fs::write(&file.0, wav())?;
        Ok(file)
    }
}

impl Drop for ProbeFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.0.display(), %error, "a test file is left behind");
        }
    }
}

/// Half a second of silence: 8 kHz, mono, 16 bit.
fn wav() -> Vec<u8> {
    let data = vec![0_u8; 8_000];
    let length: u32 = 8_000;
    let mut wav = Vec::with_capacity(data.len() + 44);
    wav.extend(b"RIFF");
    wav.extend((36 + length).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    for short in [1_u16, 1] {
        wav.extend(short.to_le_bytes());
    }
    for long in [8_000_u32, 16_000] {
        wav.extend(long.to_le_bytes());
    }
    for short in [2_u16, 16] {
        wav.extend(short.to_le_bytes());
    }
    wav.extend(b"data");
    wav.extend(length.to_le_bytes());
    wav.extend(data);
    wav
}

const EVENTS: &str = "events";
const CONTEXTS: &str = "contexts";
const SOUNDS: &str = "sounds_dir";
const LIVE_AUDIO: &str = "live_audio";

const PROBE_CONTEXT: &str = "aftertone-probe";

const INCLUDE: &str = "include asterisk-conf/pbx/extensions_aftertone.conf from the PBX's extensions.conf, then `dialplan reload` \
     on its console";

/// How long an event of the test call may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the test call's audio is connected: long enough that a release that polls is in its loop.
const MOMENT: Duration = Duration::from_millis(300);

/// The PBX ends the test call itself after this long.
const CALL_LIMIT: Duration = Duration::from_secs(20);
