//! HTTP/1.1, as much of it as a load generator needs.

use std::io;
use std::net::SocketAddr;

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::measure::describe_failure;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) closes: bool,
}

enum Length {
    Exactly(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    pub(crate) async fn expect(&mut self, status: u16, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let answer = self.exchange(request).await?;
        ensure!(answer.status == status, "{}", describe_failure(Ok(answer)));
        Ok(answer.body)
    }

    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let body_at = self.read_until(0, b"\r\n\r\n").await?;
        let (status, length, closes) = parse_head(&self.buffer[..body_at])?;
        let body = match length {
            Length::Exactly(length) => {
                self.read_to(body_at + length).await?;
                self.buffer[body_at..body_at + length].to_vec()
            }
            Length::Chunked => self.read_chunks(body_at).await?,
        };
        Ok(Answer { status, body, closes })
    }

    async fn read_chunks(&mut self, mut at: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let data_at = self.read_until(at, b"\r\n").await?;
            let size = self.buffer[at..data_at].split(|byte| matches!(byte, b';' | b'\r')).next().unwrap_or_default();
            let size = str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or_else(|| malformed_answer("chunk size"))?;
            at = data_at + size + 2;
            self.read_to(at).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[data_at..data_at + size]);
        }
    }

    /// Reads until the mark comes up, at or after a place, and answers where it ends.
    async fn read_until(&mut self, from: usize, mark: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(at) = find_bytes(&self.buffer[from.min(self.buffer.len())..], mark) {
                return Ok(from + at + mark.len());
            }
            self.read_more().await?;
        }
    }

    async fn read_to(&mut self, length: usize) -> io::Result<()> {
        while self.buffer.len() < length {
            self.read_more().await?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed before the answer was complete")),
            _ => Ok(()),
        }
    }
}

fn parse_head(head: &[u8]) -> io::Result<(u16, Length, bool)> {
    let head = str::from_utf8(head).map_err(|_| malformed_answer("head"))?;
    let status =
        head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| malformed_answer("status line"))?;
    let (mut length, mut closes) = (Length::Exactly(0), false);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Exactly(value.parse().map_err(|_| malformed_answer("Content-Length"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        }
    }
    Ok((status, length, closes))
}

fn malformed_answer(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what} in an answer"))
}

pub(crate) fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}
