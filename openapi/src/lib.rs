//! From the api function's table of endpoints, and the schemas of the types that its handlers read and write, to an
//! OpenAPI 3.1 document: docs/openapi.json. The only crate that turns on their feature `schema`.

mod operation;
mod problems;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use smmu_core::Problem;

const DESCRIPTION: &str = "\
Upload an image, a video or an audio file, and read back what was made of it.

- Ask for an upload (`initUpload`), send the file to the URL in the answer, submit it (`completeUpload`), and read its job \
(`getJob`) until it has ended. Its outputs have signed links.
- What belongs to somebody else is answered exactly as what does not exist: 404.
- `HEAD` works wherever `GET` does. A slash at the end of a path makes it another path.
- Clients should ignore fields and codes that they do not know.
- Errors are problem details (RFC 9457) with a stable `code` and a `remedy`. Those in `application/json` with nothing but a \
`message` come from API Gateway, before the request reaches the service; other paths and methods are answered so, with 404.";

/// Schemas of what is read and of what is written: they differ where a field may be left out.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        Self {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
        }
    }

    /// All that were asked for, by name.
    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        all.values_mut().for_each(without_null);
        for (name, schema) in self.read.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "{name} is read and written, and not as the same");
        }
        all
    }
}

/// Answers leave out optional fields (`skip_serializing_if`), so null is taken out of their types.
fn without_null(schema: &mut Value) {
    let required: Vec<_> = schema.get("required").and_then(Value::as_array).into_iter().flatten().cloned().collect();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, property) in properties.filter(|(name, _)| !required.contains(&json!(name))) {
        let Some(property) = property.as_object_mut() else { continue };
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = &types[..] {
                property["type"] = one.clone();
            }
        }
        if let Some(Value::Array(mut alternatives)) = property.remove("anyOf") {
            alternatives.retain(|one| *one != json!({ "type": "null" }));
            match (alternatives.len(), alternatives.pop()) {
                (1, Some(Value::Object(one))) => property.extend(one),
                (_, last) => {
                    alternatives.extend(last);
                    property.insert("anyOf".into(), alternatives.into());
                }
            }
        }
    }
}

/// The document.
///
/// # Panics
///
/// If a type is read otherwise than it is written, or an example is no JSON.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    let mut problems = Map::new();
    for endpoint in smmu_api::endpoints() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.to_ascii_lowercase()] = operation::operation(&endpoint, &mut schemas, &mut problems);
    }
    schemas.written.subschema_for::<Problem>();
    let mut definitions = schemas.definitions();
    definitions.insert("GatewayMessage".into(), problems::gateway_message());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Smart Media Uploader",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/", "description": "Where this document is served." }],
        "security": [{ "token": [] }],
        "tags": [
            { "name": "media", "description": "Uploads." },
            { "name": "jobs", "description": "What is made of uploads." },
            { "name": "service", "description": "The API itself." },
        ],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": problems,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of the deployment's issuer. Its `sub` is the user.",
                },
            },
        },
    })
}
