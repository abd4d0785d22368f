//! What lets a channel be heard: its copies, bridges, and channels that carry audio out by AudioSocket.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

use super::{Channel, Place, State, Within, World};
use crate::fake::{
    http::{Request, Response},
    script::Call,
    wire,
};

impl World {
    /// A copy of what a channel receives, which ends with it.
    pub(super) fn snoop(&mut self, of: &str, request: &Request) -> Response {
        let Some(call) = self.channels.get(of).map(|c| Arc::clone(&c.call)) else {
            return Response::message(404, "Channel not found");
        };
        let Some(id) = request.path.get(3).cloned() else {
            return Response::message(400, "Snoop ID is missing");
        };
        self.aid(
            id,
            format!("Snoop/{of}"),
            request,
            call,
            Some(of.to_owned()),
        )
    }

    /// A channel that connects to a listener and, once it is in a bridge, brings what the far end of the call that is
    /// heard sounds like, ten times as fast as it would sound; then silence.
    pub(super) fn external_media(&mut self, request: &Request) -> Response {
        let parameter = |name: &str| request.parameter(name).unwrap_or_default();
        let (id, host, data) = (
            parameter("channelId"),
            parameter("external_host"),
            parameter("data"),
        );
        let Ok(uuid) = data.parse::<uuid::Uuid>() else {
            return Response::message(400, "data must be a UUID");
        };
        let silent = Arc::new(Call::of(&[]));
        let response = self.aid(
            id.clone(),
            format!("AudioSocket/{host}"),
            request,
            silent,
            None,
        );
        if let Some(channel) = self.channels.get_mut(&id) {
            let (bridged, begin) = oneshot::channel();
            channel.carries = Some(bridged);
            tokio::spawn(carry(host, uuid, begin));
        }
        response
    }

    pub(super) fn bridge(&mut self, request: &Request) -> Response {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", [_]) => {
                let all: Vec<_> = self.bridges.iter().map(|id| bridge(id)).collect();
                Response::json(200, format!("[{}]", all.join(",")))
            }
            ("POST", [_, id]) => {
                self.bridges.insert((*id).to_owned());
                Response::json(200, bridge(id))
            }
            ("DELETE", [_, id]) if self.bridges.remove(*id) => Response::nothing(),
            ("POST", [_, id, "addChannel"]) if self.bridges.contains(*id) => self.join(request),
            _ => Response::message(404, "Bridge not found"),
        }
    }

    /// The copy brings into the bridge what the call sounds like, the other channel carries it out.
    fn join(&mut self, request: &Request) -> Response {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let named = body["channel"].as_array().cloned().unwrap_or_default();
        let ids: Vec<&str> = named.iter().filter_map(|id| id.as_str()).collect();
        if ids.iter().any(|id| self.in_stasis(id).is_err()) {
            return Response::message(422, "Channel not in Stasis application");
        }
        let sound = ids.iter().find_map(|id| {
            let channel = self.channels.get(*id)?;
            channel.copies.is_some().then(|| Arc::clone(&channel.call))
        });
        for id in ids {
            let carries = self.channels.get_mut(id).and_then(|c| c.carries.take());
            if let (Some(begin), Some(call)) = (carries, &sound) {
                // The listener may have gone.
                let _ = begin.send(Arc::clone(&call.sound));
            }
        }
        Response::nothing()
    }

    fn aid(
        &mut self,
        id: String,
        name: String,
        request: &Request,
        call: Arc<Call>,
        copies: Option<String>,
    ) -> Response {
        if self.channels.contains_key(&id) {
            return Response::message(409, "Channel with given unique ID already exists");
        }
        self.serial += 1;
        let parameter = |name: &str| request.parameter(name).unwrap_or_default();
        let channel = Channel {
            id: id.clone(),
            name: format!("{name}-{:08x}", self.serial),
            state: State::Up,
            caller: String::new(),
            dialstring: String::new(),
            created: self.clock.stamp(),
            place: Place {
                context: "default".into(),
                priority: 1,
                app: "Stasis".into(),
                data: String::new(),
            },
            variables: std::collections::BTreeMap::new(),
            app: parameter("app"),
            app_args: parameter("appArgs"),
            serial: self.serial,
            call,
            within: Within::Stasis,
            ending: false,
            playing: VecDeque::new(),
            blocked: Vec::new(),
            limit: 0,
            copies,
            carries: None,
        };
        let (json, args) = (wire::channel(&channel), channel.app_args.clone());
        self.channels.insert(id.clone(), channel);
        self.enter_stasis(&id, &args);
        Response::json(200, json)
    }
}

/// Connects, says which channel it is, and brings the sound when it may; ends where nobody listens.
async fn carry(host: String, uuid: uuid::Uuid, begin: oneshot::Receiver<Arc<[i16]>>) {
    let Ok(mut stream) = TcpStream::connect(host).await else {
        return;
    };
    let mut head = vec![0x01, 0, 16];
    head.extend_from_slice(uuid.as_bytes());
    if stream.write_all(&head).await.is_err() {
        return;
    }
    let Ok(sound) = begin.await else { return };
    let mut fast = interval(Duration::from_millis(2));
    fast.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for samples in sound.chunks_exact(FRAME) {
        fast.tick().await;
        if stream.write_all(&frame(samples)).await.is_err() {
            return;
        }
    }
    let mut real = interval(Duration::from_millis(20));
    while stream.write_all(&frame(&[0; FRAME])).await.is_ok() {
        real.tick().await;
    }
}

fn frame(samples: &[i16]) -> Vec<u8> {
    let length = u16::try_from(samples.len() * 2).expect("a frame is short");
    let mut bytes = vec![0x10];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn bridge(id: &str) -> String {
    format!(
        "{{\"id\":{},\"technology\":\"simple_bridge\",\"bridge_type\":\"mixing\",\"bridge_class\":\"stasis\",\
         \"creator\":\"Stasis\",\"name\":\"\",\"channels\":[]}}",
        wire::quoted(id)
    )
}

/// Samples of 20 ms.
const FRAME: usize = 160;
