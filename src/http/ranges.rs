//! Files, whole or a part of them: `Range` and `ETag` of RFC 9110.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use tokio::task::spawn_blocking;

/// A file that is about to be given.
#[derive(Debug)]
pub(super) struct ServedFile {
    file: File,
    size: u64,
    tag: String,
}

/// Which part of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FilePart {
    Whole,
    /// From this byte to that one, both included.
    Bytes(u64, u64),
    /// There is no such part.
    None,
}

impl ServedFile {
    /// Opens a file; `None` if there is none. It follows no link.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn open(path: PathBuf) -> io::Result<Option<Self>> {
        let opened = spawn_blocking(move || open(&path)).await;
        opened.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// How large it is, in bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// All of it, for one that is small.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn read(mut self) -> io::Result<Vec<u8>> {
        let read = spawn_blocking(move || {
            let mut bytes = Vec::new();
            self.file.read_to_end(&mut bytes).map(|_| bytes)
        });
        read.await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// The file as it is asked for: the whole, a part, or that it is as it was.
    pub(super) fn answer(self, asked: &HeaderMap, headers: HeaderMap) -> Response {
        let tag = HeaderValue::from_str(&self.tag);
        let tag = tag.unwrap_or_else(|_| HeaderValue::from_static("\"0\""));
        let is_known = text(asked, header::IF_NONE_MATCH)
            .is_some_and(|known| known.split(',').any(|one| one.trim() == self.tag));
        let part = if is_known {
            FilePart::Whole
        } else {
            part(asked, &self.tag, self.size)
        };
        let mut response = match part {
            _ if is_known => StatusCode::NOT_MODIFIED.into_response(),
            FilePart::None => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
            FilePart::Whole => {
                let size = self.size;
                bytes(self.file, 0, size)
            }
            FilePart::Bytes(from, to) => {
                let mut response = bytes(self.file, from, to - from + 1);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response
            }
        };
        let range = match part {
            FilePart::Bytes(from, to) => Some(format!("bytes {from}-{to}/{}", self.size)),
            FilePart::None => Some(format!("bytes */{}", self.size)),
            FilePart::Whole => None,
        };
        let own = response.headers_mut();
        if let Some(range) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
            own.insert(header::CONTENT_RANGE, range);
        }
        own.insert(header::ETAG, tag);
        own.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        own.extend(headers);
        response
    }
}

fn open(path: &Path) -> io::Result<Option<ServedFile>> {
    match path.symlink_metadata() {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    Ok(Some(ServedFile {
        tag: tag(&about),
        size: about.len(),
        file,
    }))
}

/// Another one if the file was written since.
fn tag(about: &Metadata) -> String {
    let written = about.modified().ok();
    let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let written = written.map_or(0, |since| since.as_nanos());
    format!("\"{:x}-{written:x}\"", about.len())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Which part is asked for. What is none that can be read, or several, is the whole.
fn part(asked: &HeaderMap, tag: &str, size: u64) -> FilePart {
    let Some(given) = text(asked, header::RANGE) else {
        return FilePart::Whole;
    };
    if text(asked, header::IF_RANGE).is_some_and(|known| known.trim() != tag) {
        return FilePart::Whole;
    }
    let read = given.trim().strip_prefix("bytes=").and_then(|given| {
        let (from, to) = given.split_once('-')?;
        let (from, to) = (from.trim(), to.trim());
        if from.is_empty() {
            let last: u64 = to.parse().ok()?;
            return Some(match last.min(size) {
                0 => FilePart::None,
                last => FilePart::Bytes(size - last, size - 1),
            });
        }
        let from: u64 = from.parse().ok()?;
        let to = if to.is_empty() {
            u64::MAX
        } else {
            to.parse().ok()?
        };
        if to < from {
            return None;
        }
        Some(if from >= size {
            FilePart::None
        } else {
            FilePart::Bytes(from, to.min(size - 1))
        })
    });
    read.unwrap_or(FilePart::Whole)
}

/// So many bytes of a file, from one on, as they are read.
fn bytes(file: File, from: u64, count: u64) -> Response {
    let parts = stream::try_unfold(
        (file, Some(from), count),
        |(mut file, from, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let read = spawn_blocking(move || {
                if let Some(from) = from {
                    file.seek(SeekFrom::Start(from))?;
                }
                let at_once = usize::try_from(left.min(AT_ONCE)).unwrap_or(0);
                let mut part = vec![0; at_once];
                file.read_exact(&mut part)?;
                Ok::<_, io::Error>((file, part))
            });
            let (file, part) = read.await.map_err(io::Error::other)??;
            let left = left - part.len() as u64;
            Ok::<_, io::Error>(Some((Bytes::from(part), (file, None, left))))
        },
    );
    let mut response = Body::from_stream(parts).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    response
}

/// Bytes that are read at a time.
const AT_ONCE: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_file_is_what_is_asked_for_of_it() {
        let asked = |range: &str, known: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
            if let Some(known) = known {
                headers.insert(header::IF_RANGE, HeaderValue::from_str(known).unwrap());
            }
            part(&headers, "\"a\"", 100)
        };
        for (range, wanted) in [
            ("bytes=0-9", FilePart::Bytes(0, 9)),
            ("bytes=90-", FilePart::Bytes(90, 99)),
            ("bytes=90-1000", FilePart::Bytes(90, 99)),
            ("bytes=-10", FilePart::Bytes(90, 99)),
            ("bytes=-1000", FilePart::Bytes(0, 99)),
            ("bytes=99-99", FilePart::Bytes(99, 99)),
            ("bytes=100-", FilePart::None),
            ("bytes=-0", FilePart::None),
            // None that can be read, and several.
            ("bytes=9-0", FilePart::Whole),
            ("bytes=a-b", FilePart::Whole),
            ("bytes=0-1,5-6", FilePart::Whole),
            ("lines=0-1", FilePart::Whole),
            ("bytes=", FilePart::Whole),
        ] {
            assert_eq!(asked(range, None), wanted, "{range}");
        }
        assert_eq!(asked("bytes=0-9", Some("\"a\"")), FilePart::Bytes(0, 9));
        assert_eq!(asked("bytes=0-9", Some("\"b\"")), FilePart::Whole);
        assert_eq!(part(&HeaderMap::new(), "\"a\"", 100), FilePart::Whole);
    }
}
