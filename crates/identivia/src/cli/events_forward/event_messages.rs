//! Reads the messages of a stream of server-sent events (WHATWG HTML, 9.2) from its bytes.

/// The longest message, in bytes: an event has at most 20 kB.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// An event as the stream carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EventMessage {
    pub(super) id: String,
    pub(super) event_type: String,
    /// The JSON of the event, exactly as the server wrote it.
    pub(super) data: String,
}

/// A message is longer than any event.
#[derive(Debug)]
pub(super) struct MessageTooLong;

/// Collects bytes until they are a message.
#[derive(Default)]
pub(super) struct MessageReader {
    unread: Vec<u8>,
    message: EventMessage,
}

impl MessageReader {
    /// Adds what has arrived.
    pub(super) fn add_bytes(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next whole message; `None` when more bytes are needed.
    pub(super) fn next_message(&mut self) -> Result<Option<EventMessage>, MessageTooLong> {
        while let Some(end) = memchr::memchr(b'\n', &self.unread) {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if !line.is_empty() {
                self.read_field(line);
                continue;
            }
            let message = std::mem::take(&mut self.message);
            // Comments and `retry` come as messages without data.
            if !message.data.is_empty() {
                return Ok(Some(message));
            }
        }
        let length = self.unread.len() + self.message.data.len();
        if length > MAX_MESSAGE_BYTES { Err(MessageTooLong) } else { Ok(None) }
    }

    fn read_field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let message = &mut self.message;
        match name {
            "id" => value.clone_into(&mut message.id),
            "event" => value.clone_into(&mut message.event_type),
            "data" if message.data.is_empty() => value.clone_into(&mut message.data),
            "data" => message.data.extend(["\n", value]),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_however_the_stream_is_split() {
        let stream = "retry: 5000\n\n: no news\n\nid: evt_a\nevent: profile.created\ndata: {\"a\":\"🪪: 1\"}\n\n: x\n\n\
                      id:evt_b\r\nevent:b\r\ndata:1\r\ndata: 2\r\n\r\nid: evt_c\ndata: not whole";
        let expected = [("evt_a", "profile.created", "{\"a\":\"🪪: 1\"}"), ("evt_b", "b", "1\n2")];
        for size in 1..stream.len() {
            let mut reader = MessageReader::default();
            let mut messages = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                reader.add_bytes(piece);
                while let Some(message) = reader.next_message().unwrap() {
                    messages.push(message);
                }
            }
            let found: Vec<_> = messages.iter().map(|found| (&*found.id, &*found.event_type, &*found.data)).collect();
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn message_without_end_is_refused() {
        for lines in [b"data".to_vec(), b"data: more\n".to_vec()] {
            let mut reader = MessageReader::default();
            let mut read = 0;
            while reader.next_message().is_ok() {
                assert!(read < 4 * MAX_MESSAGE_BYTES, "{read} bytes were read");
                let part = lines.repeat(1_000);
                reader.add_bytes(&part);
                read += part.len();
            }
            assert!(read >= MAX_MESSAGE_BYTES);
        }
    }
}
