//! A receiver of webhooks on a real socket, which answers as a test says: well, badly, or not at all.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// With these lines of headers, and a body.
    With(u16, &'static str, String),
    /// After so long.
    After(Duration, u16),
    /// Never.
    Hang,
    /// The connection is reset.
    Reset,
    /// A body without end.
    Endless,
}

/// A request that has come.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    headers: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) body: Value,
    /// The path and the query.
    pub(crate) path: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }
}

/// The receiver. It ends when it is dropped.
pub(crate) struct Receiver {
    pub(crate) at: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    count: watch::Sender<usize>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    all: Vec<Received>,
    open: usize,
    most_open: usize,
}

type Answering = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

impl Receiver {
    /// Answers every request the same.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone()).await
    }

    /// Answers by the request, and how many came before it.
    pub(crate) async fn start(
        answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let count = watch::Sender::new(0);
        let answer: Answering = Arc::new(answer);
        let (seen_by, counted) = (Arc::clone(&seen), count.clone());
        let listening = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, count, answer) =
                    (Arc::clone(&seen_by), counted.clone(), Arc::clone(&answer));
                tokio::spawn(async move {
                    // A client that goes is no fault here.
                    let _ = serve(stream, &seen, &count, &answer).await;
                });
            }
        });
        Self {
            at,
            seen,
            count,
            listening,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    /// All that has come.
    pub(crate) fn all(&self) -> Vec<Received> {
        self.seen.lock().unwrap().all.clone()
    }

    /// The most requests that were open at a time.
    pub(crate) fn most_open(&self) -> usize {
        self.seen.lock().unwrap().most_open
    }

    /// Waits until so many have come.
    pub(crate) async fn until(&self, count: usize) -> Vec<Received> {
        self.until_all(|all| all.len() >= count).await
    }

    /// Waits until what has come is enough.
    pub(crate) async fn until_all(&self, is_enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let mut counted = self.count.subscribe();
        let waiting = async {
            loop {
                counted.borrow_and_update();
                let all = self.all();
                if is_enough(&all) {
                    return all;
                }
                counted.changed().await.unwrap();
            }
        };
        let waited = timeout(Duration::from_secs(90), waiting).await;
        waited.unwrap_or_else(|_| panic!("only {} have come", self.all().len()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(
    stream: TcpStream,
    seen: &Mutex<Seen>,
    count: &watch::Sender<usize>,
    answer: &Answering,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let Some(received) = read(&mut stream).await? else {
            return Ok(());
        };
        let nth = {
            let mut seen = seen.lock().unwrap();
            seen.open += 1;
            seen.most_open = seen.most_open.max(seen.open);
            seen.all.push(received.clone());
            seen.all.len() - 1
        };
        count.send_modify(|count| *count += 1);
        let reply = answer(&received, nth);
        let done = send(&mut stream, reply).await;
        seen.lock().unwrap().open -= 1;
        if !done? {
            return Ok(());
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    assert!(line.starts_with("POST "), "{line}");
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers["content-length"].parse().unwrap();
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    let text = String::from_utf8(bytes).unwrap();
    Ok(Some(Received {
        headers,
        body: serde_json::from_str(&text).unwrap(),
        text,
        path,
    }))
}

/// Whether the connection goes on.
async fn send(stream: &mut BufReader<TcpStream>, reply: Reply) -> std::io::Result<bool> {
    let (status, headers, body) = match reply {
        Reply::Status(status) => (status, "", String::new()),
        Reply::With(status, headers, body) => (status, headers, body),
        Reply::After(wait, status) => {
            sleep(wait).await;
            (status, "", String::new())
        }
        Reply::Hang => {
            // Until the other side gives up.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await?;
            return Ok(false);
        }
        Reply::Reset => {
            stream.get_ref().set_zero_linger()?;
            return Ok(false);
        }
        Reply::Endless => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            let chunk = vec![b'x'; 65_536];
            loop {
                stream.write_all(&chunk).await?;
            }
        }
    };
    let head = format!(
        "HTTP/1.1 {status} Answer\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    Ok(true)
}
