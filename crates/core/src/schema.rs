//! JSON Schemas of types that serialise as a string or a number. All other types derive theirs.

use crate::{JobId, MediaId, PageLimit, Sha256, Timestamp, WebhookId, image::Colour, speech::Language};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! schema {
    ($type:ident, $($schema:tt)*) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ $($schema)* })
            }
        }
    };
}

schema!(
    MediaId,
    "type": "string",
    "description": "One upload. The rest of the id is a ULID, so that ids sort by time.",
    "pattern": "^med_[0-7][0-9a-hjkmnp-tv-z]{25}$",
    "examples": ["med_01j9zq4b5c6d7e8f9g0h1j2k3m"]
);
schema!(
    JobId,
    "type": "string",
    "description": "One run of one upload. The first run has the ULID of the upload.",
    "pattern": "^job_[0-7][0-9a-hjkmnp-tv-z]{25}$",
    "examples": ["job_01j9zq4b5c6d7e8f9g0h1j2k3m"]
);
schema!(
    WebhookId,
    "type": "string",
    "description": "One endpoint of one user.",
    "pattern": "^whk_[0-7][0-9a-hjkmnp-tv-z]{25}$",
    "examples": ["whk_01j9zq4b5c6d7e8f9g0h1j2k3m"]
);
schema!(Sha256, "type": "string", "description": "A SHA-256 digest in lower-case hexadecimal.", "pattern": "^[0-9a-f]{64}$");
schema!(
    Timestamp,
    "type": "string",
    "description": "A time in UTC, RFC 3339 with milliseconds.",
    "format": "date-time",
    "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$",
    "examples": ["2026-01-01T00:00:00.000Z"]
);
schema!(Colour, "type": "string", "description": "An opaque sRGB colour.", "pattern": "^#[0-9a-f]{6}$", "examples": ["#1e90ff"]);
schema!(
    Language,
    "type": "string",
    "description": "A language by Whisper's own code: ISO 639-1 in most cases.",
    "pattern": "^[a-z]{2,3}$",
    "examples": ["en"]
);
schema!(PageLimit, "type": "integer", "minimum": 1, "maximum": PageLimit::MAX, "default": PageLimit::default().entries());
