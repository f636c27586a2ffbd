//! The committed document is up to date and consistent.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use boon::{Compiler, Schemas};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// All methods that an operation can have ("Path Item Object" of OpenAPI 3.1).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Every operation with its JSON pointer.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let at = |text: &str| text.replace('~', "~0").replace('/', "~1");
    document["paths"].as_object().unwrap().iter().flat_map(move |(path, methods)| {
        METHODS.iter().filter_map(move |method| Some((format!("/paths/{}/{method}", at(path)), methods.get(*method)?)))
    })
}

/// The target of a reference, or the value itself if it is none, with its JSON pointer.
fn resolved(document: &Value, pointer: String) -> (String, &Value) {
    let found = document.pointer(&pointer).unwrap();
    match found["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').unwrap().to_owned();
            let found = document.pointer(&pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
            (pointer, found)
        }
        None => (pointer, found),
    }
}

#[test]
fn the_committed_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let document = format!("{:#}\n", smmu_openapi::document());
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &document).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == document,
        "docs/openapi.json is out of date; regenerate it with: INSTA_UPDATE=always cargo test -p smmu-openapi"
    );
}

#[test]
fn every_example_matches_its_schema() {
    let document = smmu_openapi::document();
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.add_resource("openapi.json", document.clone()).unwrap();
    let mut validate = |content: &str, example: &Value| {
        let schema = compiler.compile(&format!("openapi.json#{content}/schema"), &mut schemas).unwrap();
        if let Err(error) = schemas.validate(example, schema) {
            panic!("{content}: {error}\n{example:#}");
        }
    };
    let mut seen = 0;
    for (at, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().keys();
        let answers = answers.map(|status| resolved(&document, format!("{at}/responses/{status}")));
        let bodies = answers.chain(operation.get("requestBody").map(|body| (format!("{at}/requestBody"), body)));
        for (at, body) in bodies {
            for (media_type, content) in body["content"].as_object().into_iter().flatten() {
                let at = format!("{at}/content/{}", media_type.replace('/', "~1"));
                let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
                for example in content.get("example").into_iter().chain(named) {
                    validate(&at, example);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn every_link_fits_its_target_operation() {
    let document = smmu_openapi::document();
    let ids: Vec<_> = operations(&document).map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    let answers = operations(&document).flat_map(|(_, operation)| operation["responses"].as_object().unwrap().values());
    let links: Vec<_> = answers.flat_map(|answer| answer["links"].as_object().into_iter().flatten()).collect();
    assert!(links.len() > 10, "{links:?}");
    for (name, link) in links {
        let (_, target) = operations(&document)
            .find(|(_, operation)| operation["operationId"] == link["operationId"])
            .unwrap_or_else(|| panic!("{name} leads nowhere"));
        let takes = target["parameters"].as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap());
        let takes: BTreeSet<_> = takes.collect();
        for given in link["parameters"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
            assert!(takes.contains(given), "{name}: {given} is not one of {takes:?}");
        }
        assert_eq!(link.get("requestBody").is_some(), target.get("requestBody").is_some(), "{name}");
    }
}

#[test]
fn optional_fields_are_not_nullable_and_no_text_links_to_code() {
    let document = smmu_openapi::document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let text = schema.to_string();
        assert!(!text.contains("[`"), "{name} has a link of our code: {text}");
        // In requests, null counts as missing.
        assert!(name.ends_with("Request") || !text.contains("\"null\""), "{name}: {text}");
    }
}
