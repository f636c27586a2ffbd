//! Generates the OpenAPI 3.1 document, docs/openapi.json, from the api function's table of endpoints and the schemas of
//! the types that its handlers read and write. The only crate that enables their feature `schema`.

mod operation;
mod problems;
mod webhooks;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use smmu_core::{Problem, PushEvent};

const DESCRIPTION: &str = "\
Upload an image, a video or an audio file, and read back what was made of it.

- Request an upload (`initUpload`), send the file to the URL in the response, submit it (`completeUpload`), and read its job \
(`getJob`) until it has ended. Its outputs have signed links.
- Another user's resource returns 404, like a missing one.
- `HEAD` works wherever `GET` does. A trailing slash makes it a different path.
- Clients should ignore fields and codes that they do not know.
- Errors are problem details (RFC 9457) with a stable `code` and a `remedy`. Those in `application/json` with only a \
`message` come from API Gateway, before the request reaches the service. Unknown paths and methods get such a 404.";

/// Schemas of request and response types. They differ if a field is optional in one of them.
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

    /// All requested schemas, by name.
    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        all.values_mut().for_each(without_null);
        for (name, schema) in self.read.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(
                other.is_none_or(|other| other == schema),
                "{name} has different schemas in requests and responses"
            );
        }
        all
    }
}

/// Removes null from the types: responses omit optional fields (`skip_serializing_if`).
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
/// If a type has different schemas in requests and responses, or an example is not JSON.
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
    // Events on sockets, which OpenAPI cannot describe as operations.
    schemas.written.subschema_for::<PushEvent>();
    let webhooks = webhooks::webhooks(&mut schemas);
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
        "servers": [{ "url": "/", "description": "The server of this document." }],
        "security": [{ "token": [] }],
        "tags": [
            { "name": "media", "description": "Uploads." },
            { "name": "jobs", "description": "Processing of uploads." },
            { "name": "webhooks", "description": "Endpoints notified of ended jobs." },
            { "name": "service", "description": "The API itself." },
        ],
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": definitions,
            "responses": problems,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token from the deployment's issuer. Its `sub` is the user.",
                },
            },
        },
    })
}
