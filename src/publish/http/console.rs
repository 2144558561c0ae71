//! The console at `/`: the files of `web/`, which are part of the program.
//!
//! There is one page, the shell, at every address that the console gives to
//! something; its script reads the API as any other caller does. The shell is
//! never stored, so that what a page showed of a line is not brought back by a
//! browser after the token is gone. All other files lie below an address with
//! the hash of them all, so that they may be kept for ever: a new program has
//! new addresses.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::Refusal;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/web");

/// Stands in the shell for the address below which the other files lie.
const PLACE: &str = "{{assets}}";
/// Digits of the hash in that address.
const HASH_DIGITS: usize = 16;
/// What a page may load: our own files, and nothing that a string becomes.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";
/// For answers that may be kept: their address changes with them.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What every answer says, whoever asks for what: it is what its type says, and
/// no other site is told of it or may show it.
pub(super) const ON_ALL: [(HeaderName, &str); 4] = [
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The files as they are served.
struct Console {
    shell: String,
    hash: String,
    assets: BTreeMap<&'static str, Asset>,
}

struct Asset {
    kind: &'static str,
    plain: &'static [u8],
    zipped: Vec<u8>,
    tag: String,
}

static CONSOLE: LazyLock<Console> = LazyLock::new(|| {
    let mut files = Vec::new();
    gather(&FILES, &mut files);
    let mut all = Sha256::new();
    let mut assets = BTreeMap::new();
    for (path, plain) in files {
        all.update(path.as_bytes());
        all.update(plain);
        let Some(kind) = kind(path) else { continue };
        let tag = format!("\"{}\"", &hex(&Sha256::digest(plain))[..HASH_DIGITS]);
        assets.insert(path, Asset { kind, plain, zipped: zip(plain), tag });
    }
    let hash = hex(&all.finalize())[..HASH_DIGITS].to_owned();
    let shell = FILES.get_file("index.html").and_then(|file| file.contents_utf8());
    let shell = shell.unwrap_or_default().replace(PLACE, &format!("/assets/{hash}"));
    Console { shell, hash, assets }
});

fn gather(dir: &'static Dir<'static>, files: &mut Vec<(&'static str, &'static [u8])>) {
    for file in dir.files() {
        files.extend(file.path().to_str().map(|path| (path, file.contents())));
    }
    for dir in dir.dirs() {
        gather(dir, files);
    }
}

/// The type of a file that is served below the address of the assets; what else
/// lies in the folder is for people.
fn kind(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The file compressed; nothing if that fails, upon which it is sent as it is.
fn zip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The shell, at each of the console's addresses.
pub(super) async fn shell() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, CONSOLE.shell.as_str()).into_response()
}

/// A file that the shell or another file names.
pub(super) async fn asset(
    Path((hash, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let found = CONSOLE.assets.get(path.as_str()).filter(|_| hash == CONSOLE.hash);
    let Some(asset) = found else {
        let why = format!("nothing is at `/assets/{hash}/{path}`; reload the page");
        return Err(Refusal(StatusCode::NOT_FOUND, why));
    };
    let mut response = if headers.get(IF_NONE_MATCH).is_some_and(|tag| tag == asset.tag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if takes_gzip(&headers) && !asset.zipped.is_empty() {
        ([(CONTENT_ENCODING, "gzip")], asset.zipped.as_slice()).into_response()
    } else {
        asset.plain.into_response()
    };
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    answer.insert(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&asset.tag) {
        answer.insert(ETAG, tag);
    }
    Ok(response)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut offered = headers.get_all(ACCEPT_ENCODING).iter();
    offered.any(|value| {
        let mut codings = value.to_str().unwrap_or_default().split(',').map(str::trim);
        codings.any(|coding| coding == "gzip" || coding.starts_with("gzip;q=1"))
    })
}

/// The addresses of all files that are served.
#[cfg(test)]
pub(super) fn addresses() -> impl Iterator<Item = String> {
    CONSOLE.assets.keys().map(|path| format!("/assets/{}/{path}", CONSOLE.hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of the console that are written by hand.
    fn ours() -> impl Iterator<Item = (&'static str, &'static str)> {
        let mut files = Vec::new();
        gather(&FILES, &mut files);
        files
            .into_iter()
            .filter(|(path, _)| !path.starts_with("vendor/"))
            .map(|(path, bytes)| (path, std::str::from_utf8(bytes).unwrap()))
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_or_written_in_line() {
        let mut files = 0;
        for (path, text) in ours() {
            files += 1;
            // The name of the SVG language, which nothing is loaded from.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for word in
                ["http://", "https://", "url(//", "src=\"//", "@import", "eval(", "innerHTML"]
            {
                assert!(!text.contains(word), "web/{path} has `{word}`");
            }
        }
        assert!(files > 8, "the folder was found");
        let shell = FILES.get_file("index.html").unwrap().contents_utf8().unwrap();
        for word in ["<style", " style=", " onclick", " onload", "javascript:"] {
            assert!(!shell.contains(word), "the shell has `{word}`, which the policy forbids");
        }
        for script in shell.split("<script").skip(1) {
            assert!(script.contains("src=\"{{assets}}/"), "a script without a file of ours");
        }
    }

    #[test]
    fn every_file_that_a_file_names_is_there() {
        for (path, text) in ours().filter(|(path, _)| path.ends_with(".js")) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            for quoted in text.split(['\'', '"']).filter(|text| text.ends_with(".js")) {
                let mut parts: Vec<&str> =
                    folder.split('/').filter(|part| !part.is_empty()).collect();
                for part in quoted.split('/') {
                    match part {
                        "." => {}
                        ".." => _ = parts.pop(),
                        part => parts.push(part),
                    }
                }
                let named = parts.join("/");
                assert!(FILES.get_file(&named).is_some(), "web/{path} names {quoted}");
            }
        }
        for name in CONSOLE.shell.split(&format!("/assets/{}/", CONSOLE.hash)).skip(1) {
            let name = name.split('"').next().unwrap();
            assert!(CONSOLE.assets.contains_key(name), "the shell names {name}");
        }
    }

    /// What `web/vendor/README.md` says of each file is what the file is.
    #[test]
    fn vendored_files_are_what_their_note_says() {
        let note = FILES.get_file("vendor/README.md").unwrap().contents_utf8().unwrap();
        for name in ["uplot.js", "uplot.css", "uplot.LICENSE"] {
            let file = FILES.get_file(format!("vendor/{name}")).unwrap();
            let hash = hex(&Sha256::digest(file.contents()));
            let row = note.lines().find(|line| line.contains(&format!("`{name}`"))).unwrap();
            assert!(row.contains(&hash), "{name} is {hash}, its note says {row}");
        }
    }
}
