use super::{MAX_FILE_NAME, RequestedSending, UploadRequest, upload_request};
use crate::respond::MAX_BODY_BYTES;
use lambda_http::Body;
use proptest::prelude::*;
use serde_json::{Value, json};
use smmu_core::{ProblemCode, Sha256, UploadPolicy};

fn good() -> Value {
    json!({"filename": "a photo.jpg", "contentType": "image/jpeg", "size": 3, "sha256": "0".repeat(64)})
}

fn pointer_of(body: &Value) -> Option<String> {
    upload_request(&Body::Text(body.to_string()), &UploadPolicy::default()).err().map(|p| p.pointer.unwrap_or_default())
}

#[test]
fn a_good_request_is_granted() {
    assert_eq!(pointer_of(&good()), None);
}

#[test]
fn a_refusal_names_its_field() {
    let bad = [
        ("filename", json!("")),
        ("filename", json!("  ")),
        ("filename", json!("..")),
        ("filename", json!("a/. .")),
        ("filename", json!("/\u{202e}/ ")),
        ("filename", json!(7)),
        ("contentType", json!("text/html")),
        ("contentType", json!(7)),
        ("size", json!(0)),
        ("size", json!(-1)),
        ("size", json!(1.5)),
        ("size", json!("3")),
        ("size", json!(u64::MAX)),
        ("sha256", json!("0".repeat(63))),
        ("sha256", json!("g".repeat(64))),
        ("parts", json!("true")),
        ("parts", json!(1)),
        ("colour", json!("red")),
        ("externalId", json!(7)),
        ("externalId", json!("")),
        ("externalId", json!("a\u{7}")),
        ("metadata", json!("album")),
        ("metadata", json!({"album": 7})),
        ("metadata", json!({"": "summer"})),
        ("profile", json!("large")),
        ("language", json!("klingon")),
        ("dedup", json!("yes")),
    ];
    for (field, value) in bad {
        let mut body = good();
        body[field] = value.clone();
        assert_eq!(pointer_of(&body), Some(format!("/{field}")), "{field} = {value}");
    }
}

#[test]
fn labels_are_optional_and_kept_unchanged() {
    let labels = |body: &Value| {
        let request = upload_request(&Body::Text(body.to_string()), &UploadPolicy::default());
        serde_json::to_value(request.ok().unwrap().labels).unwrap()
    };
    let mut body = good();
    assert_eq!(labels(&body), json!({}));
    body["externalId"] = json!("order/7 ä");
    body["metadata"] = json!({"album": "summer\n2026", "note": ""});
    assert_eq!(labels(&body), json!({"externalId": body["externalId"], "metadata": body["metadata"]}));
}

#[test]
fn the_largest_labels_are_accepted_in_the_longest_spelling_of_json() {
    // A character beyond the basic plane, which an escape in JSON writes as two units of six bytes each.
    let longest = |characters| "\u{1f389}".repeat(characters);
    let mut body = good();
    body["filename"] = json!(longest(255));
    body["externalId"] = json!(longest(255));
    let pairs = (0..16).map(|pair| (format!("{pair:02}{}", longest(38)), json!(longest(500))));
    body["metadata"] = Value::Object(pairs.collect());
    let escaped = body.to_string().replace('\u{1f389}', "\\ud83c\\udf89");
    assert!(escaped.len() > 100_000, "{}", escaped.len());
    let request = upload_request(&Body::Text(escaped), &UploadPolicy::default());
    assert_eq!(request.ok().unwrap().labels.metadata.len(), 16);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_parsed() {
    let padded = |bytes: usize| {
        let request = good().to_string();
        let body = format!("{request}{}", " ".repeat(bytes - request.len()));
        upload_request(&Body::Text(body), &UploadPolicy::default()).err().map(|problem| problem.code)
    };
    assert_eq!(padded(MAX_BODY_BYTES), None);
    assert_eq!(padded(MAX_BODY_BYTES + 1), Some(ProblemCode::PayloadTooLarge));
}

#[test]
fn a_missing_field_is_named() {
    for field in ["filename", "size", "sha256"] {
        let mut body = good();
        body.as_object_mut().unwrap().remove(field);
        assert_eq!(pointer_of(&body), Some(format!("/{field}")));
    }
}

#[test]
fn parts_need_no_digest_and_large_files_need_parts() {
    let sending = |body: &Value, policy: &UploadPolicy| {
        let request = upload_request(&Body::Text(body.to_string()), policy);
        request.map(|request| request.sending).map_err(|problem| problem.code)
    };
    let digest = Sha256::from_bytes([0; 32]);
    let policy = UploadPolicy { max_image_bytes: u64::MAX, ..UploadPolicy::default() };
    let mut body = good();
    body["size"] = json!(5 * 1024_u64.pow(3));
    assert_eq!(sending(&body, &policy), Ok(RequestedSending::Whole(digest)));
    body["size"] = json!(5 * 1024_u64.pow(3) + 1);
    assert_eq!(sending(&body, &policy), Err(ProblemCode::PartsRequired));
    assert_eq!(sending(&body, &UploadPolicy::default()), Err(ProblemCode::MediaTooLarge), "too large for parts too");
    body["parts"] = json!(true);
    assert_eq!(sending(&body, &policy), Ok(RequestedSending::Parts(Some(digest))));
    body["sha256"] = json!(null);
    assert_eq!(sending(&body, &policy), Ok(RequestedSending::Parts(None)));
    body.as_object_mut().unwrap().remove("sha256");
    assert_eq!(sending(&body, &policy), Ok(RequestedSending::Parts(None)));
    body["parts"] = json!(false);
    assert_eq!(pointer_of(&body), Some("/sha256".to_owned()));
}

#[test]
fn a_repeated_field_is_refused_by_name_in_any_spelling() {
    for repeated in [r#""size": 3"#, r#""s\u0069ze": 4"#] {
        let body = good().to_string().replacen('{', &format!("{{{repeated}, "), 1);
        let problem = upload_request(&Body::Text(body), &UploadPolicy::default()).err().unwrap();
        assert_eq!(problem.pointer.as_deref(), Some("/size"));
        assert!(problem.detail.unwrap().contains("twice"));
    }
}

#[test]
fn a_body_that_is_not_an_object_is_refused() {
    for body in ["", "[]", "null", "{", "\u{feff}"] {
        assert!(upload_request(&Body::Text(body.into()), &UploadPolicy::default()).is_err(), "{body:?}");
    }
    assert!(upload_request(&Body::Empty, &UploadPolicy::default()).is_err());
    assert!(upload_request(&Body::Binary(vec![0xff; 10]), &UploadPolicy::default()).is_err());
}

fn granted(field: &str, value: Value) -> UploadRequest {
    let mut body = good();
    body[field] = value;
    let body = Body::Text(format!("\u{feff}{body}"));
    upload_request(&body, &UploadPolicy::default()).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn a_file_name_is_reduced_to_a_label() {
    let long = format!("{}.jpeg", "é".repeat(300));
    for (name, kept) in [
        ("\u{200e}WhatsApp Image.jpg", "WhatsApp Image.jpg"),
        ("\u{2068}photo\u{2069}.jpg", "photo.jpg"),
        ("holiday/a.jpg", "a.jpg"),
        ("C:\\fakepath\\a.jpg", "a.jpg"),
        ("3/4 time.mp3", "4 time.mp3"),
        ("a\u{0}b\n.jpg", "ab.jpg"),
        ("\u{202e}gpj.exe", "gpj.exe"),
        (&long, &format!("{}.jpeg", "é".repeat(MAX_FILE_NAME - 5))),
    ] {
        let mut body = good();
        body["contentType"] = json!("image/jpeg");
        body["filename"] = json!(name);
        let body = Body::Text(body.to_string());
        assert_eq!(upload_request(&body, &UploadPolicy::default()).map(|r| r.file_name).ok().as_deref(), Some(kept));
    }
}

#[test]
fn equivalent_spellings_are_accepted() {
    assert_eq!(granted("size", json!(67.0)).bytes, 67);
    let sending = granted("sha256", json!(format!("{}=", "A".repeat(43)))).sending;
    assert_eq!(sending, RequestedSending::Whole(Sha256::from_bytes([0; 32])));
    assert_eq!(granted("contentType", json!(null)).content_type, "image/jpeg");
    assert_eq!(granted("contentType", json!("Image/JPG; q=1")).content_type, "image/jpg");
}

proptest! {
    #[test]
    fn no_body_causes_a_panic(body in any::<Vec<u8>>()) {
        let _any_verdict = upload_request(&Body::Binary(body), &UploadPolicy::default());
    }
}
