//! Settings for document reading: OpenAI or a compatible server, or the local engines.

use std::time::Duration;

use super::checks::{ExplicitConsent, OneOf, Parsed, WholeNumber, parse_header_word, parse_printable_text};
use super::network::{is_unencrypted, parse_web_url};
use super::setting::{AnySetting as _, ConfigError, Settings, define_settings};

define_settings! {
    DOCUMENT_SETTINGS, "Liveness and documents";

    /// Reader of documents; `auto` is OpenAI if OPENAI_API_KEY is set, else the local engines; `off`: readings get 501
    DOCUMENT_READER: OneOf<ReaderChoice> = OneOf(&[
        ("auto", ReaderChoice::Auto), ("openai", ReaderChoice::OpenAi), ("local", ReaderChoice::Local),
        ("off", ReaderChoice::Off),
    ]), DefaultText("auto");
    /// Key of OpenAI, or of a server that answers its chat completions
    OPENAI_API_KEY: Parsed<String> = Parsed(parse_header_word), WhenUnset("");
    /// Model that reads documents; it must accept images
    OPENAI_MODEL: Parsed<String> = Parsed(parse_printable_text), DefaultText("o4-mini");
    /// URL of that server: OpenAI, Azure, Ollama, vLLM and others, such as http://127.0.0.1:11434/v1
    OPENAI_BASE_URL: Parsed<ReaderUrl> = Parsed(parse_reader_url), DefaultText("https://api.openai.com/v1");
    /// Set to `true` to allow plain http to that server on another machine: only within a network you trust
    OPENAI_ALLOW_HTTP: ExplicitConsent = ExplicitConsent, DefaultText("false");
    /// Timeout of one reading, in seconds
    OPENAI_TIMEOUT_SECONDS: WholeNumber<u64> = WholeNumber { least: 1, most: 600 }, DefaultText("45");
    /// Longest side of a picture in a request, in pixels; larger pictures are scaled down
    OPENAI_IMAGE_SIDE: WholeNumber<u32> = WholeNumber { least: 512, most: 8_192 }, DefaultText("2048");
}

/// A choice of document reader.
#[derive(Clone, Copy)]
pub(super) enum ReaderChoice {
    Auto,
    OpenAi,
    Local,
    Off,
}

/// What reads documents.
#[derive(Clone)]
pub enum ReaderSource {
    OpenAi(OpenAi),
    /// The local engines.
    Local,
    Off,
}

/// A document reader that answers OpenAI's chat completions.
#[derive(Clone)]
pub struct OpenAi {
    pub key: String,
    /// Without a slash at the end, and without the query.
    pub base_url: String,
    /// The query that Azure requires.
    pub query: Option<String>,
    pub model: String,
    pub timeout: Duration,
    /// The longest side of a picture in a request, in pixels.
    pub image_side: u32,
}

/// A checked `OPENAI_BASE_URL`.
pub(super) struct ReaderUrl {
    base_url: String,
    query: Option<String>,
}

/// Reads what reads documents.
pub(super) fn read_reader_source(settings: &Settings) -> Result<ReaderSource, ConfigError> {
    match DOCUMENT_READER.read(settings)? {
        ReaderChoice::Off => return Ok(ReaderSource::Off),
        ReaderChoice::Local => return Ok(ReaderSource::Local),
        ReaderChoice::Auto if !OPENAI_API_KEY.is_set(settings) => return Ok(ReaderSource::Local),
        ReaderChoice::Auto | ReaderChoice::OpenAi => {}
    }
    let missing = "must be set with DOCUMENT_READER=openai; for a server that requires no key any word will do";
    if !OPENAI_API_KEY.is_set(settings) {
        return Err(OPENAI_API_KEY.to_error(missing));
    }
    let ReaderUrl { base_url, query } = OPENAI_BASE_URL.read(settings)?;
    if is_unencrypted(&base_url) && !OPENAI_ALLOW_HTTP.read(settings)? {
        return Err(OPENAI_BASE_URL.to_error(
            "must be https://, or people's data cross the network in the clear; within a network you trust set \
             OPENAI_ALLOW_HTTP=true",
        ));
    }
    Ok(ReaderSource::OpenAi(OpenAi {
        key: OPENAI_API_KEY.read_if_set(settings)?.unwrap_or_default(),
        base_url,
        query,
        model: OPENAI_MODEL.read(settings)?,
        timeout: Duration::from_secs(OPENAI_TIMEOUT_SECONDS.read(settings)?),
        image_side: OPENAI_IMAGE_SIDE.read(settings)?,
    }))
}

fn parse_reader_url(text: &str) -> Result<ReaderUrl, String> {
    let (url, query) = match text.split_once('?') {
        Some((url, query)) => (url, Some(query.to_owned())),
        None => (text, None),
    };
    let base_url = parse_web_url(url)?;
    if query.as_deref().is_some_and(|query| query.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#')) {
        return Err("has a query with characters that a URL cannot hold".to_owned());
    }
    Ok(ReaderUrl { base_url, query })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_choice_decide_whether_openai_reads_documents() {
        let has_openai = |texts: &[(&'static str, &str)]| {
            matches!(read_reader_source(&Settings::from_texts(texts)).unwrap(), ReaderSource::OpenAi(_))
        };
        assert!(!has_openai(&[("OPENAI_API_KEY", "sk-x"), ("DOCUMENT_READER", "local")]));
        assert!(!has_openai(&[]));
        assert!(has_openai(&[("OPENAI_API_KEY", "sk-x")]));
    }

    #[test]
    fn azure_query_follows_the_path() {
        let url = "https://a.openai.azure.com/openai/deployments/b/?api-version=2024-10-21";
        let settings = Settings::from_texts(&[("OPENAI_API_KEY", "x"), ("OPENAI_BASE_URL", url)]);
        let ReaderSource::OpenAi(openai) = read_reader_source(&settings).unwrap() else { panic!("the key is set") };
        assert_eq!(openai.base_url, "https://a.openai.azure.com/openai/deployments/b");
        assert_eq!(openai.query.as_deref(), Some("api-version=2024-10-21"));
    }
}
