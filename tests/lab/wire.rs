//! A wire between the PBX and our ears: passes the audio of calls both ways, knows how much of a message went by, and is cut
//! when a test asks for it.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use libtest_mimic::Failed;
use tokio::net::TcpSocket;

use crate::{check, network::wait_for, subscribers::PATIENCE};

/// Passes what one program's calls say and hear, until it goes.
pub(crate) struct Wire {
    outside: SocketAddr,
    inside: SocketAddr,
    /// Keeps the program's port for it.
    _port: TcpSocket,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    closing: AtomicBool,
    /// Frames of ours that went by and are not silence.
    spoken: AtomicU32,
    made: AtomicU32,
    open: Mutex<Vec<TcpStream>>,
}

impl Wire {
    /// Opens a port for the PBX, and chooses one for the program.
    pub(crate) fn open() -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let outside = listener.local_addr()?;
        let port = own_port()?;
        let inside = port.local_addr()?;
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for pbx in listener.incoming().map_while(Result::ok) {
                if shared.closing.load(Ordering::Relaxed) {
                    break;
                }
                // The program may be gone; then the PBX sees that.
                let _ = shared.join(pbx, inside);
            }
        });
        Ok(Self {
            outside,
            inside,
            _port: port,
            state,
        })
    }

    /// Has a program listen behind it.
    pub(crate) fn lead_to(&self, program: &mut Command) {
        program.env("AFTERTONE__SCREEN__LISTEN", self.inside.to_string());
        program.env("AFTERTONE__SCREEN__ADVERTISE", self.outside.to_string());
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        let mut open = locked(&self.state.open);
        for end in open.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// How many connections the PBX made.
    pub(crate) fn made(&self) -> u32 {
        self.state.made.load(Ordering::Relaxed)
    }

    /// How much of a message went by.
    pub(crate) fn spoken(&self) -> Duration {
        FRAME * self.state.spoken.load(Ordering::Relaxed)
    }

    /// Waits until a connection is made.
    pub(crate) fn until_made(&self) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            check!(self.made() > 0);
            Ok(())
        })
    }

    /// Waits until so much of a message has gone by.
    pub(crate) fn until_spoken(&self, time: Duration) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            check!(self.spoken() >= time, "{:?}", self.spoken());
            Ok(())
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.outside);
    }
}

impl State {
    fn join(self: &Arc<Self>, pbx: TcpStream, inside: SocketAddr) -> io::Result<()> {
        let ours = TcpStream::connect(inside)?;
        pbx.set_nodelay(true)?;
        ours.set_nodelay(true)?;
        self.made.fetch_add(1, Ordering::Relaxed);
        locked(&self.open).extend([pbx.try_clone()?, ours.try_clone()?]);
        let (mut from_pbx, mut to_ours) = (pbx.try_clone()?, ours.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from_pbx, &mut to_ours);
            let _ = to_ours.shutdown(Shutdown::Both);
        });
        let state = Arc::clone(self);
        thread::spawn(move || {
            let _ = state.pass_ours(&ours, &pbx);
            let _ = pbx.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    /// Frame by frame, each in one write.
    fn pass_ours(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        loop {
            let mut frame = vec![0; 3];
            from.read_exact(&mut frame)?;
            let length = usize::from(u16::from_be_bytes([frame[1], frame[2]]));
            frame.resize(3 + length, 0);
            from.read_exact(&mut frame[3..])?;
            if frame[0] == AUDIO && frame[3..].iter().any(|&byte| byte != 0) {
                self.spoken.fetch_add(1, Ordering::Relaxed);
            }
            to.write_all(&frame)?;
        }
    }
}

/// A port of loopback that no other socket gets while this lives. What connects to it is refused until something listens there, which
/// this does not prevent.
pub(crate) fn own_port() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const AUDIO: u8 = 0x10;

/// What a frame lasts.
const FRAME: Duration = Duration::from_millis(20);
