//! Publishes the web page as `tools/deploy.sh` does: its files go to the bucket that CloudFront serves, with the
//! settings that the page reads beside them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};

use super::{objects, read};
use crate::account::REGION;
use crate::address::Address;
use crate::error::LocalError;
use crate::options::{CloudOptions, Step};

/// The template's parameter for [`sources`].
pub(super) const SOURCES: &str = "WebSources";
/// Cache lifetimes: the bundler names the files in `assets` by their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATED: &str = "no-cache";

/// Origins that the page talks to here: all of AWS is one address.
pub(super) fn sources(address: &Address) -> String {
    let http = address.endpoint();
    format!("{http} {}", http.replacen("http", "ws", 1))
}

/// Publishes the page, if it was built and the stack serves one. Returns whether it did.
pub(crate) async fn publish_page(options: &CloudOptions, address: &Address) -> Result<bool, LocalError> {
    let index = options.page.join("index.html");
    let Some(bucket) = address.outputs().get("WebDomainName").and(address.outputs().get("WebBucketName")) else {
        return Ok(false);
    };
    if !index.exists() {
        return Ok(false);
    }
    let begun = Instant::now();
    let cdn = address.outputs().get("CdnDomainName").map(|domain| format!(" https://{domain}")).unwrap_or_default();
    let sources = sources(address) + &cdn;
    let s3 = objects(&address.sdk_config().await);
    for file in files(&options.page)? {
        let key = file.strip_prefix(&options.page).expect("it was found there").to_string_lossy().into_owned();
        let content = read(&file)?;
        let content = if file == index { with_sources(&file, content, &sources)? } else { content };
        put(&s3, bucket, &key, content).await?;
    }
    put(&s3, bucket, "config.json", config(address)?.to_string().into_bytes()).await?;
    (options.on_step)(Step { name: "web page published", took: begun.elapsed() });
    Ok(true)
}

async fn put(s3: &aws_sdk_s3::Client, bucket: &str, key: &str, content: Vec<u8>) -> Result<(), LocalError> {
    let lifetime = if key.starts_with("assets/") { IMMUTABLE } else { REVALIDATED };
    let put = s3.put_object().bucket(bucket).key(key).content_type(content_type(key)).cache_control(lifetime);
    put.body(ByteStream::from(content)).send().await.map_err(LocalError::call("PutObject")).map(drop)
}

/// What the page reads from `config.json`; the template's output `WebPageConfig` has the same fields.
fn config(address: &Address) -> Result<Value, LocalError> {
    let sockets = address.outputs().get("SocketsApiId").map(|api| {
        let endpoint = address.endpoint().replacen("http", "ws", 1);
        format!("{endpoint}/_aws/execute-api/{api}/live")
    });
    let sign_in = address.outputs().get("UserPoolClientId").map(
        |client| json!({ "region": REGION, "clientId": client, "endpoint": address.endpoint(), "hostedUi": null }),
    );
    Ok(json!({ "api": address.api_url()?, "sockets": sockets, "signIn": sign_in }))
}

/// The page with a Content-Security-Policy that names the origins that it talks to.
fn with_sources(path: &Path, html: Vec<u8>, sources: &str) -> Result<Vec<u8>, LocalError> {
    let unusable = |problem: &str| LocalError::Page { path: path.to_owned(), problem: problem.to_owned() };
    let html = String::from_utf8(html).map_err(|_| unusable("it is not UTF-8"))?;
    let (before, after) = html.split_once("<head>").ok_or_else(|| unusable("it has no <head>"))?;
    let policy = format!(
        "connect-src 'self' blob: {sources}; img-src 'self' blob: data: {sources}; media-src 'self' blob: {sources}"
    );
    let meta = format!(r#"<meta http-equiv="Content-Security-Policy" content="{policy}">"#);
    Ok(format!("{before}<head>{meta}{after}").into_bytes())
}

/// All files in a folder and the folders in it.
fn files(folder: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(LocalError::io("read", &folder))? {
            let path = entry.map_err(LocalError::io("read", &folder))?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// The type by which browsers read a file. They refuse a script of another type.
fn content_type(key: &str) -> &'static str {
    match Path::new(key).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn address(outputs: &[(&str, &str)]) -> Address {
        let outputs: BTreeMap<_, _> = outputs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Address {
            endpoint: "http://127.0.0.1:4566".to_owned(),
            endpoint_for_containers: None,
            outputs,
            password: String::new(),
            has_page: true,
        }
    }

    #[test]
    fn the_page_names_its_origins_before_anything_is_loaded() {
        let html = b"<html><head><script src=a.js></script></head></html>".to_vec();
        let page = with_sources(Path::new("index.html"), html, "https://a wss://b").expect("a page");
        assert_eq!(
            String::from_utf8(page).expect("text"),
            "<html><head><meta http-equiv=\"Content-Security-Policy\" content=\"connect-src 'self' blob: https://a wss://b; \
             img-src 'self' blob: data: https://a wss://b; media-src 'self' blob: https://a wss://b\">\
             <script src=a.js></script></head></html>"
        );
        let error = with_sources(Path::new("index.html"), b"<html>".to_vec(), "").expect_err("no head");
        assert!(error.to_string().contains("index.html: it has no <head>"), "{error}");
    }

    #[test]
    fn the_settings_lead_to_this_cloud() {
        let whole = address(&[("ApiId", "api"), ("SocketsApiId", "sock"), ("UserPoolClientId", "client")]);
        assert_eq!(
            config(&whole).expect("has an API"),
            json!({
                "api": "http://127.0.0.1:4566/_aws/execute-api/api",
                "sockets": "ws://127.0.0.1:4566/_aws/execute-api/sock/live",
                "signIn": {"region": REGION, "clientId": "client", "endpoint": "http://127.0.0.1:4566", "hostedUi": null},
            })
        );
        let least = config(&address(&[("ApiId", "api")])).expect("has an API");
        assert_eq!([&least["sockets"], &least["signIn"]], [&Value::Null, &Value::Null]);
        assert_eq!(sources(&whole), "http://127.0.0.1:4566 ws://127.0.0.1:4566");
    }

    #[test]
    fn the_address_is_cloudfronts_under_localhost() {
        let served = address(&[("WebDomainName", "d1abc.cloudfront.net")]);
        assert_eq!(served.page_url().as_deref(), Some("http://d1abc.cloudfront.localhost:4566"));
        assert_eq!(Address { has_page: false, ..served }.page_url(), None);
        assert_eq!(address(&[]).page_url(), None);
    }

    #[test]
    fn files_are_found_in_folders_too() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("assets/inner")).expect("writes");
        for name in ["index.html", "assets/a.js", "assets/inner/b.css"] {
            fs::write(folder.path().join(name), name).expect("writes");
        }
        let found = files(folder.path()).expect("reads");
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).expect("is inside")).collect();
        assert_eq!(names, ["assets/a.js", "assets/inner/b.css", "index.html"].map(Path::new));
    }
}
